/** The end of a run is told to its plugins once, however it comes, and nothing that they do then changes the run. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { RunEnding } from "../../../core/contracts/ending.ts";
import type { Run } from "../../../core/contracts/plugin.ts";
import { train } from "../../../core/pipeline/run.ts";
import type { TrainOptions } from "../../../core/pipeline/run/options.ts";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  ScorerPlugin,
  TapPlugin,
  temporaryFolder,
} from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

const settings = { ...banditSettings, steps: 4, checkpointEvery: 2, promptsPerStep: 2, samplesPerPrompt: 2 };

/** Endings as they were told, and what was in the run's folder then. */
class Told {
  readonly endings: RunEnding[] = [];
  readonly alarms: string[] = [];
  readonly written: { readonly steps: number; readonly checkpoint: boolean }[] = [];
  readonly output = temporaryFolder();

  readonly #listens = (and?: (run: Run) => void): TapPlugin =>
    new TapPlugin((run) => {
      and?.(run);
      run.hooks.ended.tapPromise("TapPlugin", async (ending) => {
        this.endings.push(ending);
        const metrics = join(run.output!, "metrics.jsonl");
        const steps = existsSync(metrics) ? readFileSync(metrics, "utf8").split("\n").length - 1 : 0;
        this.written.push({ steps, checkpoint: existsSync(join(ending.checkpoint!, "files.json")) });
      });
    });

  /** What the run says of itself, or the error's message. */
  async train(changes: Partial<TrainOptions> = {}, and?: (run: Run) => void): Promise<string> {
    const plugins = [new ScorerPlugin(), new BanditPlugin(), this.#listens(and)];
    const onEvents: TrainOptions["onEvents"] = (events) => {
      changes.onEvents?.(events);
      events.on("alarm", ({ plugin, message }) => this.alarms.push(`${plugin} ${message}`));
    };
    const options = {
      policy: tabularPolicy(),
      plugins,
      dataset: letterRows,
      settings,
      output: this.output,
      ...changes,
      onEvents,
    };
    return train(options).then(
      ({ ended }) => ended,
      (error: unknown) => (error as Error).message,
    );
  }
}

test("finished, and resumed with nothing left to do: once for each, with what was done", async () => {
  const told = new Told();
  expect(await told.train()).toBe("finished");
  expect(await told.train({ resume: true })).toBe("finished");
  const checkpoint = join(told.output, "checkpoints", "step-4");
  expect(told.endings).toEqual([
    {
      ended: "finished",
      reason: null,
      step: 4,
      steps: 4,
      last: { step: 4, steps: 4, metrics: expect.any(Object) as object },
      checkpoint,
      resumedFrom: null,
    },
    { ended: "finished", reason: null, step: 4, steps: 4, last: null, checkpoint, resumedFrom: 4 },
  ]);
  const metrics = readFileSync(join(told.output, "metrics.jsonl"), "utf8")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { metrics: unknown });
  expect(told.endings[0]!.last!.metrics).toEqual(metrics.at(-1)!.metrics);
  expect(told.written).toEqual([
    { steps: 4, checkpoint: true },
    { steps: 4, checkpoint: true },
  ]);
});

test("interrupted and gone on with: both ends are told, each as what it is", async () => {
  const told = new Told();
  const abort = new AbortController();
  await told.train({
    signal: abort.signal,
    onEvents: (events) => events.on("step", ({ step }) => step === 3 && abort.abort()),
  });
  await told.train({ resume: true });
  expect(told.endings.map(({ ended, step, last, resumedFrom }) => [ended, step, last?.step, resumedFrom])).toEqual([
    ["interrupted", 3, 3, null],
    ["finished", 4, 4, 3],
  ]);
  expect(told.written).toEqual([
    { steps: 3, checkpoint: true },
    { steps: 4, checkpoint: true },
  ]);
});

test("interrupted before the evaluation of a step: the step is done, its metrics come with the resumed run", async () => {
  const told = new Told();
  const abort = new AbortController();
  const evaluation = {
    every: 1,
    measure: ({ step }: { step: number }) =>
      step === 2 && !abort.signal.aborted ? (abort.abort(), Promise.reject(new Error("cut"))) : Promise.resolve({}),
  };
  await told.train({ signal: abort.signal, evaluation });
  expect(told.endings.map(({ ended, step, last }) => [ended, step, last?.step])).toEqual([["interrupted", 2, 1]]);
  expect(told.written).toEqual([{ steps: 1, checkpoint: true }]);
});

test("stopped by a plugin, with its words", async () => {
  const told = new Told();
  expect(
    await told.train({}, ({ hooks }) =>
      hooks.stepped.tapPromise("TapPlugin", async ({ step }) => (step === 3 ? { stop: "good enough" } : undefined)),
    ),
  ).toBe("stopped");
  expect(told.endings.map(({ ended, reason, step }) => [ended, reason, step])).toEqual([["stopped", "good enough", 3]]);
});

test("failed, with the error's words, which stay those of the run", async () => {
  const told = new Told();
  const fails = ({ hooks }: Run): void =>
    void hooks.rewards.tapPromise("TapPlugin", async (rewards, { step }) => (step === 3 ? [] : rewards));
  const message = await told.train({}, fails);
  expect(message).toContain('Step 3 failed: TapPlugin failed in hook "rewards"');
  expect(told.endings).toMatchObject([
    { ended: "failed", reason: message, step: 2, last: { step: 2 }, resumedFrom: null },
  ]);
  expect(told.written).toEqual([{ steps: 2, checkpoint: true }]);
});

test("a run that could not begin has no end", async () => {
  const told = new Told();
  expect(await told.train({ dataset: { ...letterRows, size: 0 } })).not.toBe("finished");
  expect(told.endings).toEqual([]);
});

test("what a plugin does wrong at the end is an alarm; whoever comes after it is told, and the error of the run stays", async () => {
  const told = new Told();
  const breaks = ({ hooks, metric, state }: Run): void => {
    const cell = state({ ends: 0 });
    hooks.ended.tapPromise("TapPlugin", async () => void (cell.value = { ends: cell.value.ends + 1 }));
    hooks.ended.tapPromise("TapPlugin", async () => metric("mine/late", 1));
    hooks.ended.tapPromise("TapPlugin", () => Promise.reject(new Error("disk full")));
    hooks.ended.tapPromise("TapPlugin", () => new Promise(() => undefined));
    hooks.rewards.tapPromise("TapPlugin", async (rewards, { step }) => (step === 2 ? [] : rewards));
  };
  const message = await told.train({ settings: { ...settings, hookSeconds: 0.2 } }, breaks);
  expect(message).toContain("Step 2 failed");
  expect(told.endings).toHaveLength(1);
  expect(told.alarms).toEqual([
    'TapPlugin reports the metric "mine/late" when the run has ended and no step is left to have it; write it into run.output',
    'TapPlugin failed in hook "ended": disk full',
    'TapPlugin failed in hook "ended": it gave no answer within 0.2 s (the setting hookSeconds)',
    'TapPlugin changed its state in hook "ended", after the last checkpoint: a resumed run will not have it; write a file into run.output',
  ]);
});
