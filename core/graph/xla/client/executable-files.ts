/** Compiled programs as files of a folder: a second run of the same programs on the same machine compiles nothing. */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import type { Pjrt } from "./pjrt.ts";

/** Bytes of a folder's files; beyond them those that were read longest ago go. */
const mostBytes = 4 * 2 ** 30;

const suffix = ".executable";

export class ExecutableFiles {
  readonly #folder: string;
  readonly #machine: string;

  /** @param folder made when something is written */
  constructor(folder: string, pjrt: Pjrt) {
    this.#folder = folder;
    const processor = `${process.arch} ${cpus()[0]?.model ?? ""} ${processorFlags()}`;
    this.#machine = [
      pjrt.version,
      pjrt.platform,
      pjrt.platformVersion,
      pjrt.devices.join(),
      processor,
      process.env["XLA_FLAGS"] ?? "",
    ].join("\n");
  }

  /** What was written of a program on this kind of machine; null where nothing was. */
  read(text: string, options: Uint8Array): Uint8Array | null {
    const file = this.#file(text, options);
    if (!existsSync(file)) return null;
    const now = new Date();
    utimesSync(file, now, now);
    return readFileSync(file);
  }

  /**
   * Keep a program; where it cannot be written (a full disk, a plugin that serializes nothing) the run goes on without.
   */
  write(text: string, options: Uint8Array, serialize: () => Uint8Array): void {
    const file = this.#file(text, options);
    const unfinished = `${file}.${process.pid}`;
    try {
      const bytes = serialize();
      mkdirSync(this.#folder, { recursive: true });
      writeFileSync(unfinished, bytes, { flush: true });
      renameSync(unfinished, file);
      this.#forgetOldest();
    } catch {
      rmSync(unfinished, { force: true });
    }
  }

  #file(text: string, options: Uint8Array): string {
    const hash = createHash("sha256")
      .update(this.#machine)
      .update("\0")
      .update(options)
      .update("\0")
      .update(text)
      .digest("hex");
    return join(this.#folder, `${hash}${suffix}`);
  }

  #forgetOldest(): void {
    const files = readdirSync(this.#folder)
      .filter((name) => name.endsWith(suffix))
      .map((name) => {
        const { size, mtimeMs } = statSync(join(this.#folder, name));
        return { name, size, mtimeMs };
      });
    let bytes = files.reduce((sum, { size }) => sum + size, 0);
    for (const { name, size } of files.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (bytes <= mostBytes) return;
      rmSync(join(this.#folder, name), { force: true });
      bytes -= size;
    }
  }
}

/** Instructions that the processor has, which compiled code may be made of; "" where the system does not say. */
function processorFlags(): string {
  const file = "/proc/cpuinfo";
  if (!existsSync(file)) return "";
  return /^(?:flags|Features)\s*:\s*(.*)$/m.exec(readFileSync(file, "utf8"))?.[1] ?? "";
}
