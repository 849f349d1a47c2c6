import { existsSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { Writable } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import type { OpenPolicy, Plugin } from "@papo/core";
import { createDisplay } from "../../../recipes/app/display/live.ts";
import { trainWithDisplay } from "../../../recipes/app/session.ts";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  ScorerPlugin,
  TapPlugin,
  temporaryFolder,
} from "../../support/bandit.ts";
import { tabularPolicy } from "../../support/tabular-policy.ts";

let output = "";
beforeEach(() => {
  output = temporaryFolder();
});
afterEach(() => {
  rmSync(output, { recursive: true, force: true });
});

function openTabular(): OpenPolicy {
  const { learner, rollout, processor } = tabularPolicy();
  return {
    learner,
    rollout,
    processor: { ...processor, encodeResponse: () => new Int32Array() },
    close: () => Promise.resolve(),
  };
}

/** A session of four steps, and what a person sees of it. */
function session(plugin: Plugin = new TapPlugin(() => undefined)) {
  const written: string[] = [];
  const stream = new Writable({
    write(chunk: Buffer, _encoding, done) {
      written.push(chunk.toString());
      done();
    },
  });
  const display = createDisplay({ stream, interactive: false, every: 1 });
  const plugins = [new ScorerPlugin(), new BanditPlugin(), plugin];
  const settings = { ...banditSettings, steps: 4, checkpointEvery: 2 };
  return {
    written,
    run: (resume = false) =>
      trainWithDisplay({
        name: "letters",
        policy: openTabular(),
        plugins,
        dataset: letterRows,
        settings,
        output,
        display,
        resume,
      }),
  };
}

/** Calls `what` when the step is done. */
const afterStep = (step: number, what: () => void): Plugin =>
  new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async (summary) => {
      if (summary.step === step) what();
      return Promise.resolve(undefined);
    });
  });

/** What Ctrl-C does to this session: the listeners that it has added. */
const before = process.listeners("SIGINT");
const added = () => process.listeners("SIGINT").filter((listener) => !before.includes(listener));

test("trains, shows the plan and each step, and writes what a report needs", async () => {
  const { written, run } = session();
  expect(await run()).toMatchObject({ ended: "finished", steps: 4 });
  const text = written.join("");
  for (const words of ["letters step 1/4", "letters step 4/4", "letters: 4 steps in"]) expect(text).toContain(words);
  expect(written[0]).toMatch(/^ {2}\S/);
  expect(readFileSync(join(output, "metrics.jsonl"), "utf8").trim().split("\n")).toHaveLength(4);
  expect(readFileSync(join(output, "samples.jsonl"), "utf8")).toContain('"step":1');
});

test("ends after the step at the first Ctrl-C, with a checkpoint to go on from, and lets go of it", async () => {
  const interrupted = session(
    afterStep(1, () => {
      for (const listener of added()) listener("SIGINT");
    }),
  );
  expect(await interrupted.run()).toMatchObject({ ended: "interrupted", steps: 1 });
  expect(interrupted.written.join("")).toContain("stopping after this step; Ctrl-C again stops at once");
  expect(added()).toEqual([]);
  expect(existsSync(join(output, "checkpoints/step-1"))).toBe(true);
  const resumed = session(afterStep(1, () => undefined));
  expect(await resumed.run(true)).toMatchObject({ ended: "finished", steps: 4 });
  expect(resumed.written.join("")).not.toContain("letters step 1/4");
});

test("ends its display and lets go of Ctrl-C when the run fails", async () => {
  const { written, run } = session(
    afterStep(2, () => {
      throw new Error("enough");
    }),
  );
  await expect(run()).rejects.toThrow(/TapPlugin failed in hook "stepped": enough/);
  expect(written.at(-1)).toMatch(/^letters: \d steps in/);
  expect(added()).toEqual([]);
});
