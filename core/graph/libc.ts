/** What is asked of the C library itself: to keep memory that kernels free, to hold a variable, to keep a library. */
import { createRequire } from "node:module";
import { platform } from "node:os";

/** Parameters of glibc's mallopt. */
const M_TRIM_THRESHOLD = -1;
const M_TOP_PAD = -2;
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;

/** Larger arrays are given back: none fits the place of another, and what lies between them would be lost. glibc allows no more. */
const largestKept = 32 * 2 ** 20;

let asked = false;

/** Functions of glibc by declaration. @throws Error where there is no glibc or no bridge to it */
function libc(declaration: string): (...args: readonly (string | number)[]) => number {
  const koffi = createRequire(import.meta.url)("koffi") as { load(path: string): { func(declaration: string): (...args: readonly (string | number)[]) => number } };
  return koffi.load("libc.so.6").func(declaration);
}

/**
 * Let the process reuse freed memory instead of handing it back: arrays of a few megabytes come and go by the hundred in each pass, and every page of
 * them that the kernel gives anew costs a fault. The resident size then stays at its largest, but for single large arrays. One heap for all threads, since a thread's own heap is given
 * back whenever it is empty. Works with glibc on Linux; elsewhere it does nothing. Worth calling before threads are started.
 */
export function keepFreedMemory(): void {
  if (asked || platform() !== "linux") return;
  asked = true;
  try {
    const mallopt = libc("int mallopt(int param, int value)");
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_THRESHOLD, largestKept);
    mallopt(M_TRIM_THRESHOLD, 2 ** 31 - 1);
    mallopt(M_TOP_PAD, 64 * 2 ** 20);
  } catch {
    // Another C library, or no prebuilt bridge to it on this platform: only speed depends on it.
  }
}

/** Set an environment variable for native libraries: in a worker thread, `process.env` is a copy that they do not see. */
export function setVariable(name: string, value: string): void {
  process.env[name] = value;
  if (platform() === "linux") libc("int setenv(const char *name, const char *value, int overwrite)")(name, value, 1);
}

/** RTLD_NOW | RTLD_NODELETE. */
const keepLoaded = 2 | 0x1000;

/** Load a library for as long as the process lives: its threads may outlast whoever closes it. */
export function keepLibrary(file: string): void {
  if (platform() === "linux") libc("void *dlopen(const char *file, int flags)")(file, keepLoaded);
}
