/**
 * Files that a stranger's data or folder names: a pipe would be waited for, and a device never ends. Looked at once
 * they are open, so that nothing is put in their place in between.
 */
import { closeSync, constants, fstatSync, openSync, readFileSync, type Stats } from "node:fs";
import { open, type FileHandle } from "node:fs/promises";

/** Opening a pipe waits for who writes into it, unless this is said. */
const toRead = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0);

const kinds = ["Directory", "FIFO", "Socket", "CharacterDevice", "BlockDevice"] as const;
const words = {
  Directory: "a folder",
  FIFO: "a pipe",
  Socket: "a socket",
  CharacterDevice: "a device",
  BlockDevice: "a device",
} as const;

/** @returns bytes of the file */
function sizeOf(stats: Stats): number {
  const kind = kinds.find((name) => stats[`is${name}`]());
  if (kind !== undefined) throw new Error(`it is ${words[kind]}, and not a file`);
  return stats.size;
}

/** @throws Error of the file system, or saying what it is where it is no regular file */
export async function openRegularFile(path: string): Promise<{ readonly handle: FileHandle; readonly size: number }> {
  const handle = await open(path, toRead);
  try {
    return { handle, size: sizeOf(await handle.stat()) };
  } catch (error) {
    await handle.close();
    throw error;
  }
}

/** The same; a descriptor that must be closed. */
export function openRegularFileSync(path: string): { readonly descriptor: number; readonly size: number } {
  const descriptor = openSync(path, toRead);
  try {
    return { descriptor, size: sizeOf(fstatSync(descriptor)) };
  } catch (error) {
    closeSync(descriptor);
    throw error;
  }
}

/**
 * The bytes of a file, which is refused by its size before it is read.
 * @param most bytes that it may have
 * @throws Error of the file system, or saying what it is or how large
 */
export async function readRegularFile(path: string, most: number): Promise<Buffer> {
  const { handle, size } = await openRegularFile(path);
  try {
    if (size > most) throw new Error(`it has ${size} bytes, more than the ${most} that are read`);
    const bytes = Buffer.allocUnsafe(size);
    let read = 0;
    for (let part = -1; part !== 0 && read < size; read += part)
      part = (await handle.read(bytes, read, size - read, read)).bytesRead;
    return bytes.subarray(0, read);
  } finally {
    await handle.close();
  }
}

/**
 * The text of a file that is read whole in the main process: a configuration, a record of a run.
 * @param most bytes that it may have, 64 MiB by default
 * @throws Error naming the file when it cannot be read, is no file or has more bytes
 */
export function readSmallFile(file: string, most = 2 ** 26): string {
  try {
    const { descriptor, size } = openRegularFileSync(file);
    try {
      if (size > most)
        throw new Error(`it has ${size} bytes, and such a file may have ${most}: is it another one than was meant?`);
      return readFileSync(descriptor, "utf8");
    } finally {
      closeSync(descriptor);
    }
  } catch (error) {
    throw new Error(`${file} cannot be read: ${(error as Error).message}`, { cause: error });
  }
}
