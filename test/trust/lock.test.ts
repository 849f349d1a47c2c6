import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { lockFile } from "../../core/checkpoint/folder-lock.ts";
import { train } from "../../core/pipeline/run.ts";
import { type TrainOptions } from "../../core/pipeline/run/options.ts";
import {
  BanditPlugin,
  banditSettings,
  letterRows,
  ScorerPlugin,
  TapPlugin,
  temporaryFolder,
} from "../support/bandit.ts";
import { tabularPolicy } from "../support/tabular-policy.ts";

const contents = (folder: string): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => [join(parentPath, name), readFileSync(join(parentPath, name), "base64")]),
  );

test("a second run into the folder of one that is on, resumed or not, is refused and changes nothing; the first ends whole", async () => {
  const output = temporaryFolder();
  const options = (): TrainOptions => ({
    policy: tabularPolicy(),
    plugins: [new ScorerPlugin(), new BanditPlugin()],
    dataset: letterRows,
    settings: { ...banditSettings, steps: 4, checkpointEvery: 1 },
    output,
  });
  const refusals: string[] = [];
  const between = new TapPlugin(({ hooks }) => {
    hooks.stepped.tapPromise("TapPlugin", async ({ step }) => {
      if (step !== 2) return undefined;
      const before = contents(output);
      for (const resume of [true, false])
        await train({ ...options(), resume }).catch((error: unknown) => refusals.push((error as Error).message));
      expect(contents(output)).toEqual(before);
      return undefined;
    });
  });
  const { plugins, ...first } = options();
  expect(await train({ ...first, plugins: [...plugins, between] })).toMatchObject({ ended: "finished", steps: 4 });
  expect(refusals).toHaveLength(2);
  for (const refusal of refusals)
    expect(refusal).toMatch(/is in use by process \d+ on .*: wait for it, stop it, or choose another output folder/);
  const lines = readFileSync(join(output, "metrics.jsonl"), "utf8").trim().split("\n");
  expect(lines.map((line) => (JSON.parse(line) as { step: number }).step)).toEqual([1, 2, 3, 4]);
  expect(readdirSync(output)).not.toContain(lockFile);
});
