/** Files and folders that are there whole or not at all. */
import { closeSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { open } from "node:fs/promises";
import { dirname, join } from "node:path";

/**
 * Write a file through a temporary neighbour, which is on the disk before it takes the file's name: a kill, a full disk
 * and a power cut leave the earlier content or the new one.
 */
export function writeFileAtomic(file: string, content: string | Uint8Array): void {
  const temporary = `${file}.partial`;
  try {
    writeFileSync(temporary, content, { flush: true });
    renameSync(temporary, file);
  } catch (error) {
    // A disk that is full needs the space; what cannot be removed is written over the next time.
    if (statSync(temporary, { throwIfNoEntry: false })?.isFile() === true) rmSync(temporary, { force: true });
    throw error;
  }
}

/**
 * Let `fill` write into a temporary folder beside `folder`, then give it its name. A folder of that name is replaced.
 * Safe from a kill and from a power cut.
 */
export async function writeFolderAtomic(folder: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${folder}.partial`;
  rmSync(temporary, { recursive: true, force: true });
  try {
    await fill(temporary);
  } catch (error) {
    // A disk that is full needs the space.
    rmSync(temporary, { recursive: true, force: true });
    throw error;
  }
  for (const entry of readdirSync(temporary, { recursive: true, withFileTypes: true }))
    flush(join(entry.parentPath, entry.name));
  flush(temporary);
  rmSync(folder, { recursive: true, force: true });
  renameSync(temporary, folder);
  flush(dirname(folder));
}

/** Bring a folder's files to the disk, beside other work. */
export async function flushFiles(folder: string): Promise<void> {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  await Promise.all(
    files.map(async ({ parentPath, name }) => {
      const file = await open(join(parentPath, name), "r");
      try {
        await file.sync();
      } finally {
        await file.close();
      }
    }),
  );
}

/** Wait until a file or folder is on the disk. */
export function flush(path: string): void {
  const descriptor = openSync(path, "r");
  try {
    fsyncSync(descriptor);
  } catch (error) {
    // Some systems refuse to flush a folder; the rename is then as safe as they make it.
    if ((error as NodeJS.ErrnoException).code !== "EISDIR" && (error as NodeJS.ErrnoException).code !== "EPERM")
      throw error;
  } finally {
    closeSync(descriptor);
  }
}
