/** How the C library treats memory that kernels free: asked to keep it, since getting pages anew costs as much as many kernels do. */
import { createRequire } from "node:module";
import { platform } from "node:os";

/** Parameters of glibc's mallopt. */
const M_TRIM_THRESHOLD = -1;
const M_TOP_PAD = -2;
const M_MMAP_MAX = -4;
const M_ARENA_MAX = -8;

let asked = false;

/**
 * Let the process reuse freed memory instead of handing it back: arrays of a few megabytes come and go by the hundred in each pass, and every page of
 * them that the kernel gives anew costs a fault. The resident size then stays at its largest. One heap for all threads, since a thread's own heap is given
 * back whenever it is empty. Works with glibc on Linux; elsewhere it does nothing. Worth calling before threads are started.
 */
export function keepFreedMemory(): void {
  if (asked || platform() !== "linux") return;
  asked = true;
  try {
    const koffi = createRequire(import.meta.url)("koffi") as { load(path: string): { func(declaration: string): (parameter: number, value: number) => number } };
    const mallopt = koffi.load("libc.so.6").func("int mallopt(int param, int value)");
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_MMAP_MAX, 0);
    mallopt(M_TRIM_THRESHOLD, 2 ** 31 - 1);
    mallopt(M_TOP_PAD, 64 * 2 ** 20);
  } catch {
    // Another C library, or no prebuilt bridge to it on this platform: only speed depends on it.
  }
}
