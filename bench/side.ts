/**
 * One side of a comparison: a process that answers tasks, a line of JSON each way. Sides run in turn, never at the same
 * time.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface, type Interface } from "node:readline";

export type Answer = Readonly<Record<string, number>>;

/**
 * Largest resident memory of a process so far, and of its part that is no page of a file, MiB. The second is looked at
 * every few milliseconds.
 */
export interface MemoryPeaks {
  readonly resident: number;
  readonly anonymous: number;
}

const watchMilliseconds = 10;

export class Side {
  readonly name: string;
  /** Seconds from the start of the process to its first line. */
  startSeconds = 0;
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #reader: Interface;
  readonly #ended: Promise<void>;
  #errors = "";
  #peaks: MemoryPeaks = { resident: 0, anonymous: 0 };

  private constructor(
    name: string,
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>>,
  ) {
    this.name = name;
    this.#child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, ...environment } });
    this.#child.stderr!.on("data", (chunk: Buffer) => (this.#errors = (this.#errors + chunk.toString()).slice(-4000)));
    this.#reader = createInterface({ input: this.#child.stdout! });
    this.#lines = this.#reader[Symbol.asyncIterator]();
    this.#ended = new Promise((resolve) => this.#child.once("exit", () => resolve()));
    const watching = setInterval(() => this.#watch(), watchMilliseconds).unref();
    this.#child.once("exit", () => clearInterval(watching));
    // A side that has ended is told by its missing answer.
    this.#child.stdin!.on("error", () => undefined);
  }

  /**
   * Start the process and wait until it says that it is ready. @throws Error with what it wrote to stderr when it ends
   * instead
   */
  static async start(
    name: string,
    command: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {},
  ): Promise<Side> {
    const before = performance.now();
    const side = new Side(name, command, args, environment);
    await side.#answer();
    side.startSeconds = (performance.now() - before) / 1000;
    return side;
  }

  get peaks(): MemoryPeaks {
    this.#watch();
    return this.#peaks;
  }

  /** Have a task done. */
  async run(task: string, options: Readonly<Record<string, unknown>> = {}): Promise<Answer> {
    this.#child.stdin!.write(`${JSON.stringify({ task, ...options })}\n`);
    return this.#answer();
  }

  async close(): Promise<void> {
    this.#child.stdin!.end();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), 5000);
    await this.#ended;
    clearTimeout(timer);
  }

  #watch(): void {
    const [{ resident, anonymous }, now] = [this.#peaks, memoryOf(this.#child.pid!)];
    this.#peaks = { resident: Math.max(resident, now.resident), anonymous: Math.max(anonymous, now.anonymous) };
  }

  /** The next line that is JSON; libraries print others. */
  async #answer(): Promise<Answer> {
    for (;;) {
      const line = this.#lines.next();
      const next = (await Promise.race([line, this.#ended])) as IteratorResult<string, undefined> | undefined;
      if (next === undefined || next.done === true) throw new Error(`${this.name} ended:\n${this.#errors}`);
      const { value } = next;
      if (value.startsWith("{")) return JSON.parse(value) as Answer;
    }
  }
}

/** What the kernel says of a process; "" where it has ended, or this is no Linux. */
function statusOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/status`, "utf8");
  } catch {
    return "";
  }
}

/** Answer tasks from stdin until it ends. */
export async function serve(
  tasks: Readonly<Record<string, (options: Readonly<Record<string, unknown>>) => Promise<Answer>>>,
): Promise<void> {
  console.log(JSON.stringify({ ready: 1 }));
  for await (const line of createInterface({ input: process.stdin })) {
    const { task, ...options } = JSON.parse(line) as { task: string } & Record<string, unknown>;
    const work = tasks[task];
    if (work === undefined) throw new Error(`no task "${task}"; there are ${Object.keys(tasks).join(", ")}`);
    console.log(JSON.stringify(await work(options)));
  }
}

/**
 * A process' largest resident memory so far and its part now that is no page of a file, MiB; 0 where the system does
 * not say.
 */
export function memoryOf(pid: number): MemoryPeaks {
  const status = statusOf(pid);
  const mebibytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1] ?? 0) / 1024;
  return { resident: mebibytes("VmHWM"), anonymous: mebibytes("RssAnon") };
}

/** Largest resident memory of this process so far, MiB. */
export const peakMemory = (): number => process.resourceUsage().maxRSS / 1024;
