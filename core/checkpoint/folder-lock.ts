/**
 * One process at a time writes into a folder: the lock says which, and is recognised as stale when that process has
 * ended.
 */
import { randomUUID } from "node:crypto";
import { linkSync, readFileSync, readlinkSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";
import { isRunning } from "../machine/leftovers.ts";

/** Its name in the folder. */
export const lockFile = "lock.json";

export interface FolderLock {
  /** @throws Error when another process has taken the folder over: nothing more must be written */
  check(): void;
  /** Let go of the folder. A second call does nothing. */
  release(): void;
}

/** Who holds a folder. */
interface Holder {
  readonly id: string;
  readonly pid: number;
  readonly host: string;
  /** The start of the machine, of the process, and the space its number is from, where the system tells (Linux). */
  readonly boot: string | null;
  readonly born: string | null;
  readonly space: string | null;
  readonly since: string;
}

/** A holder shows every so often that it lives, in milliseconds. */
const BEAT = 20_000;
/** A holder that cannot be asked, on another machine say, counts as ended after so long without a beat. */
const SILENCE = 30 * BEAT;

/**
 * Take a folder for this process.
 * @throws Error naming the holder when another process that lives has it; then nothing was changed
 */
export function lockFolder(folder: string): FolderLock {
  const file = join(folder, lockFile);
  const own = thisProcess();
  for (let tries = 0; !create(file, own); tries++) {
    const holder = readHolder(file);
    if (tries === 10 || (holder !== null && lives(holder, file))) throw new Error(refusal(folder, file, holder));
    if (holder !== null) setAside(file, holder, own);
  }
  const beat = setInterval(() => quietly(() => utimesSync(file, new Date(), new Date())), BEAT);
  beat.unref();
  let held = true;
  const release = (): void => {
    if (!held) return;
    held = false;
    clearInterval(beat);
    process.off("exit", release);
    quietly(() => {
      if (readHolder(file)?.id === own.id) rmSync(file, { force: true });
    });
  };
  process.on("exit", release);
  const check = (): void => {
    const holder = readHolder(file) ?? (create(file, own) ? own : readHolder(file));
    if (holder?.id !== own.id) {
      throw new Error(
        `${folder} was taken over by ${holder === null ? "another process" : nameOf(holder)}: this one ends without writing there`,
      );
    }
  };
  return { check, release };
}

/** Whether a process that lives holds the folder. */
export function isLocked(folder: string): boolean {
  const file = join(folder, lockFile);
  const holder = readHolder(file);
  return holder !== null && lives(holder, file);
}

/** Write the lock, whole from its first moment; false when there is one. */
function create(file: string, own: Holder): boolean {
  const temporary = `${file}.${own.id}`;
  const content = `${JSON.stringify(own)}\n`;
  try {
    writeFileSync(temporary, content);
    linkSync(temporary, file);
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    // Some file systems know no second name of a file.
    if (!isCode(error, "EPERM", "ENOSYS", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "UNKNOWN")) throw error;
    return createAlone(file, content);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function createAlone(file: string, content: string): boolean {
  try {
    writeFileSync(file, content, { flag: "wx" });
    return true;
  } catch (error) {
    if (isCode(error, "EEXIST")) return false;
    throw error;
  }
}

/** Take a stale lock away; should another process have done so and written its own meanwhile, that one is put back. */
function setAside(file: string, stale: Holder, own: Holder): void {
  const aside = `${file}.stale-${own.id}`;
  quietly(() => {
    renameSync(file, aside);
    if (readHolder(aside)?.id !== stale.id) linkSync(aside, file);
  });
  rmSync(aside, { force: true });
}

/** Null where there is none. One that cannot be read is of a process that was cut off. */
function readHolder(file: string): Holder | null {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return null;
    throw error;
  }
  const unknown = { id: text, pid: 0, host: "", boot: null, born: null, space: null, since: "" };
  try {
    return { ...unknown, ...(JSON.parse(text) as Partial<Holder>) };
  } catch {
    return unknown;
  }
}

function thisProcess(): Holder {
  const { pid } = process;
  return {
    id: randomUUID(),
    pid,
    host: hostname(),
    boot: bootOf(),
    born: birthOf(pid),
    space: spaceOf(),
    since: new Date().toISOString(),
  };
}

/** Whether the holder is still at work, as far as it can be seen from here. */
function lives(holder: Holder, file: string): boolean {
  if (holder.pid === 0) return false;
  if (holder.host !== hostname()) return beatsLately(file);
  if (holder.boot !== bootOf()) return false;
  // Numbers of processes in another container mean nothing here.
  if (holder.space !== spaceOf()) return beatsLately(file);
  if (!isRunning(holder.pid)) return false;
  return holder.born === null || holder.born === birthOf(holder.pid);
}

/** By the clock of the file system, which machines share. */
function beatsLately(file: string): boolean {
  const probe = `${file}.${randomUUID()}`;
  try {
    writeFileSync(probe, "");
    return statSync(probe).mtimeMs - statSync(file).mtimeMs < SILENCE;
  } catch (error) {
    if (isCode(error, "ENOENT")) return false;
    throw error;
  } finally {
    rmSync(probe, { force: true });
  }
}

const bootOf = (): string | null => fromSystem(() => readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim());
const spaceOf = (): string | null => fromSystem(() => readlinkSync("/proc/self/ns/pid"));
/** The 22nd field; the second is a name in brackets, which may hold anything. */
const birthOf = (pid: number): string | null =>
  fromSystem(() => readFileSync(`/proc/${pid}/stat`, "utf8").split(")").at(-1)!.trim().split(" ")[19] ?? null);

function fromSystem(read: () => string | null): string | null {
  try {
    return read();
  } catch {
    return null;
  }
}

const nameOf = ({ pid, host, since }: Holder): string => `process ${pid} on ${host}, which began at ${since}`;

function refusal(folder: string, file: string, holder: Holder | null): string {
  const who = holder === null ? "another process" : nameOf(holder);
  const remote =
    holder !== null && holder.host !== hostname()
      ? ` Should it have ended, remove ${file}; after ${SILENCE / 60_000} minutes without a sign of it this is done by itself.`
      : "";
  return `${folder} is in use by ${who}: wait for it, stop it, or choose another output folder.${remote}`;
}

const isCode = (error: unknown, ...codes: readonly string[]): boolean =>
  codes.includes((error as NodeJS.ErrnoException).code ?? "");

/** A lock that cannot be touched or removed must not end the work. */
function quietly(work: () => void): void {
  try {
    work();
  } catch {
    // See above.
  }
}
