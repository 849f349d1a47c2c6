/** The folder of a run: metrics and timings line by line, the reward journal, checkpoints. */
import { appendFileSync, existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { flush, writeFileAtomic } from "../machine/atomic-file.ts";
import { checkpointFolders, type RunDescription } from "./checkpoint.ts";
import { RewardJournal } from "./journal.ts";
import { withoutSecrets } from "../options/secrets.ts";
import { makeFolder } from "./new-folder.ts";
import type { StepOutcome } from "../contracts/step/step-outcome.ts";

export class RunFolder {
  readonly path: string;
  readonly checkpoints: string;
  /** Where the weights of the best step are kept. */
  readonly best: string;
  readonly journal: RewardJournal;
  readonly #metrics: string;
  readonly #timings: string;
  readonly #steps: string;

  /** Makes the folder if need be. @throws Error when it cannot be made or written to */
  constructor(path: string) {
    makeFolder(path);
    this.path = path;
    this.checkpoints = join(path, "checkpoints");
    this.best = join(path, "best");
    this.#metrics = join(path, "metrics.jsonl");
    this.#timings = join(path, "timings.jsonl");
    this.#steps = join(path, "steps.jsonl");
    this.journal = new RewardJournal(join(path, "rewards"));
  }

  /** Whether a run has done a step here: what holds less is no run. */
  get used(): boolean {
    return readLines(this.#metrics).length > 0 || checkpointFolders(this.checkpoints).some(({ step }) => step > 0);
  }

  /** Whether steps were done here, and what they came to is gone. */
  get lostCheckpoints(): boolean {
    return readLines(this.#metrics).length > 0 && checkpointFolders(this.checkpoints).length === 0;
  }

  /** Whether there is something that a resumed run would go on from. */
  get begun(): boolean {
    return this.used || checkpointFolders(this.checkpoints).length > 0 || !this.journal.empty;
  }

  /** Forget a start that did no step. */
  clear(): void {
    this.journal.clear();
    rmSync(this.checkpoints, { recursive: true, force: true });
  }

  /** Settings, plugins and data, for people and reports. */
  describe(description: RunDescription): void {
    writeFileAtomic(join(this.path, "run.json"), withoutSecrets(`${JSON.stringify(description, null, 2)}\n`));
  }

  /**
   * Forget what was written of the steps after this one. The rewards stay: they are given again to equal responses.
   * @returns what is damaged in the lines that stay, which are kept as they are
   */
  cutAfter(step: number): string[] {
    return [...cutLines(this.#metrics, step), ...cutLines(this.#timings, step), ...cutLines(this.#steps, step)];
  }

  /** One line of `metrics.jsonl` and of `steps.jsonl`, equal in equal runs, and one of `timings.jsonl`. */
  append({ summary, seconds, terms, tokens, digests, numbers, knownSizes = null }: StepOutcome): void {
    appendFileSync(this.#metrics, `${line({ step: summary.step, metrics: summary.metrics })}\n`);
    if (digests !== undefined) appendFileSync(this.#steps, `${line({ step: summary.step, digests, numbers })}\n`);
    appendFileSync(
      this.#timings,
      `${line({ step: summary.step, tokens, seconds, terms, ...(knownSizes === null ? {} : { known_sizes: knownSizes }) })}\n`,
    );
  }

  /** Wait until the lines are on the disk: done with each checkpoint. */
  flush(): void {
    for (const file of [this.#metrics, this.#timings, this.#steps]) if (existsSync(file)) flush(file);
  }
}

/**
 * The folder of a run that begins, or goes on with `resume`.
 * @throws Error when the folder cannot be made or written to, or holds a run that is not to be resumed
 */
export function openRunFolder(path: string, resume: boolean): RunFolder {
  const folder = new RunFolder(path);
  if (resume && folder.lostCheckpoints) {
    throw new Error(
      `${path} holds metrics of a run and no checkpoint to go on from, so that resuming would begin at the first step and lose them: ` +
        "bring the folder checkpoints back, or choose another output folder",
    );
  }
  if (folder.used && !resume)
    throw new Error(
      `${path} holds a run already: resume it (resume: true, or --resume), choose another output folder, or begin anew in this one (--overwrite)`,
    );
  return folder;
}

/** Numbers that JSON has no word for are written as text. */
function line(value: unknown): string {
  return JSON.stringify(value, (_name, part: unknown) =>
    typeof part === "number" && !Number.isFinite(part) ? String(part) : part,
  );
}

/**
 * Keep the lines of steps up to `step`; a last line that a kill cut short goes too. A power cut may leave others that
 * are damaged: those stay, up to the first line of a later step.
 */
function cutLines(file: string, step: number): string[] {
  const lines = readLines(file);
  const steps = lines.map(stepOf);
  const later = steps.findIndex((found) => found !== null && found > step);
  const last = steps.findLastIndex((found) => found !== null && found <= step);
  // What is damaged behind the last line that counts is of a step that is done again.
  const kept = lines.slice(0, later < 0 ? last + 1 : Math.min(later, last + 1));
  writeFileAtomic(file, kept.map((text) => `${text}\n`).join(""));
  return kept.flatMap((_, index) =>
    steps[index] === null ? [`${file}, line ${index + 1} is damaged and counts for no step; all others are kept`] : [],
  );
}

/** Null for a line that is no step's. */
function stepOf(text: string): number | null {
  try {
    const { step } = JSON.parse(text) as { step?: unknown };
    return typeof step === "number" ? step : null;
  } catch {
    return null;
  }
}

/** Whole lines only. */
function readLines(file: string): string[] {
  return existsSync(file) ? readFileSync(file, "utf8").split("\n").slice(0, -1) : [];
}
