/** One run of a preset as a person starts it, in a process of its own: killed, told to stop, or short of space. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { root } from "../part.ts";

const runFile = join(root, "soak/smallest/run-file.ts");

/** A signal, so long after the first line that matches. */
export interface Sent {
  readonly signal: NodeJS.Signals;
  readonly after: RegExp;
  readonly milliseconds: number;
}

export interface ChildOptions {
  readonly preset: string;
  readonly output: string;
  readonly steps?: number;
  readonly resume?: boolean;
  readonly sent?: Sent;
  /** Bytes that one file may have. */
  readonly largestFile?: number;
}

export interface ChildOutcome {
  /** Exit code, or the signal that ended it. */
  readonly ended: number | NodeJS.Signals;
  readonly output: string;
  /** What it was doing when the first signal came; without one, when it ended. */
  readonly phase: string;
  /** Milliseconds from its first word of a phase to its end. */
  readonly worked: number;
}

export const phases = ["start", "evaluation", "rollout", "reward", "update", "checkpoint", "report"] as const;

/** What says that a phase begins. */
export const marks: Readonly<Record<(typeof phases)[number], RegExp>> = {
  start: /./,
  evaluation: /evaluating .*/,
  rollout: /at rollout/,
  reward: /at reward/,
  update: /at update/,
  checkpoint: /at checkpoint/,
  report: /: \d+ steps in /,
};

/** Ended by a limit of its own: nothing here takes so long. */
const mostMilliseconds = 600_000;

export const runChild = ({
  preset,
  output,
  steps = 4,
  resume = false,
  sent,
  largestFile,
}: ChildOptions): Promise<ChildOutcome> =>
  runCommand(["train", runFile, "--output", output, ...(resume ? ["--resume"] : [])], {
    env: { SOAK_PRESET: preset, SOAK_STEPS: String(steps) },
    sent: sent === undefined ? [] : [sent],
    ...(largestFile === undefined ? {} : { largestFile }),
  });

export interface CommandOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** Each after the one before. */
  readonly sent?: readonly Sent[];
  readonly largestFile?: number;
}

/** A command of papo in a process of its own. */
export function runCommand(
  args: readonly string[],
  { env = {}, sent = [], largestFile }: CommandOptions = {},
): Promise<ChildOutcome> {
  const words = [process.execPath, join(root, "recipes/papo.mjs"), ...args];
  // POSIX gives sh the limit in blocks of 512 bytes.
  const [program, ...rest] =
    largestFile === undefined
      ? words
      : ["/bin/sh", "-c", `ulimit -f ${Math.floor(largestFile / 512)}; exec "$@"`, "sh", ...words];
  return new Promise((resolve) => {
    const child = spawn(program!, rest, {
      cwd: root,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [said, phase, began] = ["", "start", 0];
    let met: string | null = null;
    let timer: NodeJS.Timeout | null = null;
    const late = setTimeout(() => child.kill("SIGKILL"), mostMilliseconds);
    const waiting = [...sent];
    const arm = (): void => {
      const [next] = waiting;
      if (next === undefined || timer !== null || !next.after.test(said)) return;
      timer = setTimeout(() => {
        [timer] = [null, waiting.shift()];
        met ??= phase;
        child.kill(next.signal);
        arm();
      }, next.milliseconds);
    };
    const hear = (chunk: Buffer): void => {
      said += chunk.toString();
      phase = phaseOf(said) ?? phase;
      if (phase !== "start" && began === 0) began = Date.now();
      arm();
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("close", (code, signal) => {
      clearTimeout(late);
      if (timer !== null) clearTimeout(timer);
      resolve({
        ended: code ?? signal!,
        output: said,
        phase: met ?? phase,
        worked: began === 0 ? 0 : Date.now() - began,
      });
    });
    arm();
  });
}

/** By the last line that says so. */
function phaseOf(said: string): string | null {
  const marks = [
    ...said
      .slice(-4000)
      .matchAll(/^at (\w+)$|^(evaluating)(?!.*: done)|^(?:.* )?(finished|report)\b|^(.*: \d+ steps in )/gm),
  ];
  const last = marks.at(-1);
  if (last === undefined) return null;
  return last[1] ?? (last[2] === undefined ? "report" : "evaluation");
}
