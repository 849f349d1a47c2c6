/**
 * What is asked of the C library itself: to keep memory that kernels free, to hand pages back, to hold a variable, to
 * keep a library.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { platform } from "node:os";

/** Parameters of glibc's mallopt. */
const M_TRIM_THRESHOLD = -1;
const M_TOP_PAD = -2;
const M_MMAP_THRESHOLD = -3;
const M_ARENA_MAX = -8;

/** glibc allows no more. */
const mostKept = 32 * 2 ** 20;

let asked = false;

type NativeFunction = (...args: readonly (string | number)[]) => number;

interface Koffi {
  load(path: string): { func(declaration: string): NativeFunction };
  address(array: ArrayBufferView): bigint;
}

const bridge = (): Koffi => createRequire(import.meta.url)("koffi") as Koffi;

/** Functions of glibc by declaration. @throws Error where there is no glibc or no bridge to it */
const libc = (declaration: string): NativeFunction => bridge().load("libc.so.6").func(declaration);

/**
 * Let the process reuse freed memory up to a size instead of handing it back: arrays of a few megabytes come and go by
 * the hundred in each pass, and every page of them that the kernel gives anew costs a fault. The resident size then
 * stays at its largest, but for larger arrays, which the kernel gets back at once. (Left to itself glibc keeps arrays
 * of up to 32 MiB too, in a heap for each thread.) One heap for all threads, since a thread's own heap is given back
 * whenever it is empty. Works with glibc on Linux; elsewhere it does nothing. Worth calling before threads are started.
 * @param largest bytes of an array that is given back all the same: arrays of many sizes leave gaps that none of them
 * fits
 */
export function keepFreedMemory(largest = mostKept): void {
  if (platform() !== "linux" || (asked && largest === mostKept)) return;
  try {
    const mallopt = libc("int mallopt(int param, int value)");
    mallopt(M_MMAP_THRESHOLD, largest);
    mallopt(M_ARENA_MAX, 1);
    mallopt(M_TRIM_THRESHOLD, largest === mostKept ? 2 ** 31 - 1 : mostKept);
    // Of room at the heap's end that an array fits it takes its memory, however large it is; what lies behind it then
    // keeps it there.
    mallopt(M_TOP_PAD, largest === mostKept ? 2 * mostKept : largest / 2);
    if (asked) libc("int malloc_trim(size_t pad)")(0);
    asked = true;
  } catch {
    // Another C library, or no prebuilt bridge to it on this platform: only speed depends on it.
  }
}

/** Advice to madvise: what is mapped of a file is read from it anew when it is looked at, other memory is zeros. */
const MADV_DONTNEED = 4;

let madvise: NativeFunction | null = null;

/** @throws Error as `libc` does */
const adviseUnneeded = (address: number, length: number): number =>
  (madvise ??= libc("int madvise(uintptr_t address, size_t length, int advice)"))(address, length, MADV_DONTNEED);

/** Bytes of the smallest array whose pages are worth handing back. */
const fewestHandedBack = 2 * 2 ** 20;

/** Of memory; a multiple of what all machines have that glibc runs on. */
const pageBytes = 65_536;

/**
 * Zeros in place of what an array holds, whose pages take no memory until they are written to: they are handed back to
 * the system. Small arrays, and all of them where there is no glibc on Linux, are filled with zeros.
 */
export function clearPages(array: Float32Array): void {
  const { start, end } = handBack(array) ?? { start: 0, end: 0 };
  array.fill(0, 0, start / 4).fill(0, end / 4);
}

/** What of an array was handed back and is zeros by that, from one byte of it to another; null: nothing. */
function handBack(array: Float32Array): { readonly start: number; readonly end: number } | null {
  if (array.byteLength < fewestHandedBack || platform() !== "linux") return null;
  try {
    const first = Number(bridge().address(array));
    const address = Math.ceil(first / pageBytes) * pageBytes;
    const last = Math.floor((first + array.byteLength) / pageBytes) * pageBytes;
    return adviseUnneeded(address, last - address) === 0 ? { start: address - first, end: last - first } : null;
  } catch {
    // No bridge to the C library: only memory depends on it.
    return null;
  }
}

/**
 * Take the pages of files in a folder out of this process, where they are mapped and were not written to: the system
 * keeps them, and gives them again when they are read. Two mappings of a file are counted twice in a process's resident
 * size, though they are the same memory. Nobody may unmap files of the folder meanwhile. Where there is no glibc on
 * Linux it does nothing.
 */
export function forgetPages(folder: string): void {
  if (platform() !== "linux") return;
  try {
    for (const [start, end] of mappedRanges(folder)) adviseUnneeded(start, end - start);
  } catch {
    // No bridge to the C library: only what the process is counted with depends on it.
  }
}

/** Where files of a folder are mapped, [start, end) each; neighbours are one range. */
function mappedRanges(folder: string): [start: number, end: number][] {
  const ranges: [start: number, end: number][] = [];
  for (const line of readFileSync("/proc/self/maps", "utf8").split("\n")) {
    const [, from, to, path] = /^([0-9a-f]+)-([0-9a-f]+) (?:\S+\s+){4}(.*)$/.exec(line) ?? [];
    if (path?.startsWith(`${folder}/`) !== true) continue;
    const [start, end] = [Number.parseInt(from!, 16), Number.parseInt(to!, 16)];
    const last = ranges.at(-1);
    if (last?.[1] === start) last[1] = end;
    else ranges.push([start, end]);
  }
  return ranges;
}

/**
 * Set an environment variable for native libraries: in a worker thread, `process.env` is a copy that they do not see.
 */
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

/**
 * End the process now, without unwinding threads: a thread in the middle of native work would end it by an abort.
 * Listeners of "exit" are called.
 * @param signal what it dies of, by that signal's own effect, where the C library cannot be asked
 */
export function exitAtOnce(code: number, signal: NodeJS.Signals): void {
  process.emit("exit", code);
  try {
    libc("void _exit(int status)")(code);
  } catch {
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
}
