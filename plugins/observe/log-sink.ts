/** What loggers have in common: when they are told what, and what happens when they cannot write. */
import { basename, dirname, join } from "node:path";
import type { Experience, Run, RunEnding, StepSummary } from "@papo/core";
import { z } from "zod";
import { encodePicture } from "./picture-file.ts";
import { chooseSamples } from "./sample-record.ts";

/** Options of every logger. */
export const loggerOptions = {
  /** Where the log goes; null: a folder of the logger's name in the run's. */
  folder: z.string().min(1).nullable().default(null),
  /** Rollouts are written at step 1 and at every step divisible by this. */
  every: z.int().positive().meta({ unit: "steps" }).default(10),
  /** Rollouts of such a step, one per prompt; 0 writes none. */
  samples: z.int().nonnegative().meta({ unit: "responses" }).default(4),
} as const;

export interface LoggedPicture {
  /** "original", or the view's name. */
  readonly view: string;
  readonly png: Uint8Array;
  /** Pixels. */
  readonly width: number;
  readonly height: number;
}

export interface LoggedRollout {
  readonly question: string;
  readonly answer: string;
  readonly response: string;
  readonly reward: number;
  readonly parts: Readonly<Record<string, number>>;
  readonly finish: string;
  readonly pictures: readonly LoggedPicture[];
}

export interface LogSink {
  /** Forget what an earlier process wrote of this step and of later ones; called before anything is written. */
  cut(step: number): void;
  /** As a line of metrics.jsonl. */
  metrics(summary: StepSummary): void;
  rollouts(step: number, rollouts: readonly LoggedRollout[]): void;
  /** What peers write when a run ends; whoever resumes it cuts it. */
  end?(ending: RunEnding): void;
}

export interface Logger {
  readonly name: string;
  readonly options: { readonly folder: string | null; readonly every: number; readonly samples: number };
  /** The folder's name in the run's; "" is the run's own. */
  readonly home: string;
  /** @param run its folder's name, which peers show it under */
  open(folder: string, run: string): LogSink;
}

/**
 * Let a logger follow a run. Where it cannot write, one alarm is raised and it stops: a full disk costs the log, not
 * the training.
 */
export function follow({ events, hooks, output }: Run, { name, options, home, open }: Logger): void {
  let sink: LogSink | null = null;
  let broken = false;
  let pending: Promise<void> = Promise.resolve();
  const write = (step: number, work: (sink: LogSink) => void): void => {
    if (broken) return;
    try {
      if (sink === null) {
        if (options.folder === null && output === null)
          throw new Error("the run has no folder: give the option folder");
        const folder = options.folder ?? join(output!, home);
        sink = open(folder, basename(output ?? dirname(folder)));
        sink.cut(step);
      }
      work(sink);
    } catch (cause) {
      broken = true;
      events.emit("alarm", {
        step,
        plugin: name,
        message: `cannot write its log, nothing more is logged: ${cause instanceof Error ? cause.message : String(cause)}`,
      });
    }
  };
  events.on("experience", (experience) => {
    const { step } = experience;
    if (broken || options.samples === 0 || (step !== 1 && step % options.every !== 0)) return;
    pending = pending.then(async () => {
      const rollouts = await rolloutsOf(experience, options.samples);
      write(step, (open) => open.rollouts(step, rollouts));
    });
  });
  // Pictures are compressed beside the step; metrics come after them, so that a log is in order.
  hooks.stepped.tapPromise(name, async (summary) => {
    await pending;
    write(summary.step, (open) => open.metrics(summary));
    return undefined;
  });
  // Rollouts of a step that failed are written too. A process that logged nothing leaves the log as it is.
  hooks.ended.tapPromise(name, async (ending) => {
    await pending;
    if (sink !== null) write(ending.step, (open) => open.end?.(ending));
  });
}

async function rolloutsOf({ samples }: Experience, count: number): Promise<LoggedRollout[]> {
  return Promise.all(
    chooseSamples(samples, count).map(async ({ sample: { prompt, response, reward, parts, views } }) => ({
      question: prompt.row.prompt,
      answer: prompt.row.answer,
      response: response.text,
      reward,
      parts,
      finish: response.finish,
      pictures: (
        await Promise.all(
          [...views].map(([view, { pictures }]) =>
            Promise.all(pictures.map(async (picture) => ({ view, ...(await encodePicture(picture)) }))),
          ),
        )
      ).flat(),
    })),
  );
}

/** Columns of a table of rollouts, before their pictures. */
export const rolloutColumns = ["question", "answer", "response", "reward", "finish"] as const;

/** What stands in them. */
export const rolloutCells = (rollout: LoggedRollout): (string | number)[] =>
  rolloutColumns.map((name) => rollout[name]);

/** A number as Python's json writes it: JSON has no word for those that are not finite. */
export const pythonNumber = (value: number): string =>
  Number.isFinite(value) ? String(value) : Number.isNaN(value) ? "NaN" : value > 0 ? "Infinity" : "-Infinity";
