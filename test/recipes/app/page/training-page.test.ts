import { readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { lockFolder, train, type TrainSummary } from "@papo/core";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openTrainingPage, type TrainingPage } from "../../../../recipes/app/page/training-page.ts";
import { askTraining, readPageFile, writePageFile } from "../../../../recipes/app/page/server/page-file.ts";
import type { Overview } from "../../../../recipes/app/page/contract.ts";
import { RunControl } from "../../../../recipes/app/run-control.ts";
import { BanditPlugin, banditSettings, letterRows, ScorerPlugin, temporaryFolder } from "../../../support/bandit.ts";
import { tabularPolicy } from "../../../support/tabular-policy.ts";

let folder: string;
let page: TrainingPage | null = null;
beforeEach(() => {
  folder = temporaryFolder();
});
afterEach(async () => {
  await page?.close();
  page = null;
  rmSync(folder, { recursive: true, force: true });
});

const stepsDone = (): number => readFileSync(join(folder, "metrics.jsonl"), "utf8").trim().split("\n").length;

/** Resolves when the control comes to be in this state. */
const state = (control: RunControl, wanted: string): Promise<void> =>
  new Promise((resolve) => {
    const unfollow = control.follow((now) => {
      if (now !== wanted) return;
      unfollow();
      resolve();
    });
  });

test("a run is paused between its steps, resumed and stopped through its page, as by Ctrl-C", async () => {
  const control = new RunControl();
  const lock = lockFolder(folder);
  page = await openTrainingPage({ folder, port: 0, control });
  page.offer(folder);
  const [address] = page.address.split("/#token=");
  const file = readPageFile(folder)!;
  expect(file).toMatchObject({ address, state: "running" });
  expect(page.address).toBe(`${address}/#token=${file.token}`);
  expect(statSync(join(folder, "page.json")).mode & 0o777).toBe(0o600);
  lock.release();

  const paused = state(control, "paused");
  expect(await askTraining({ ...file, token: "guess" }, "pause")).toContain("token");
  const pausing = state(control, "pausing");
  expect(await askTraining(file, "pause")).toBeNull();
  await pausing;
  const run: Promise<TrainSummary> = train({
    policy: tabularPolicy(),
    plugins: [new ScorerPlugin(), new BanditPlugin()],
    dataset: letterRows,
    settings: { ...banditSettings, steps: 5000, checkpointEvery: 0 },
    output: folder,
    signal: control.signal,
    between: () => control.between(),
  });
  await paused;
  expect(stepsDone()).toBe(1);
  const overview = (await (await fetch(`${address}/api/overview`)).json()) as Overview;
  expect(overview.runs[0]).toMatchObject({ state: "paused", controls: true });

  // On for a step or more, and again at rest.
  const again = state(control, "paused");
  await askTraining(file, "resume");
  await askTraining(file, "pause");
  await again;
  const before = stepsDone();
  expect(before).toBeGreaterThan(1);
  await askTraining(file, "stop");
  expect(await run).toMatchObject({
    ended: "interrupted",
    steps: before,
    checkpoint: join(folder, "checkpoints", `step-${before}`),
  });
  expect(stepsDone()).toBe(before);
  await page.close();
  page = null;
  expect(readPageFile(folder)).toBeNull();
});

test("a file that a killed run left, a broken one, and an address elsewhere count as none", () => {
  const content = { address: "http://127.0.0.1:4880", token: "t", state: "running" } as const;
  writePageFile(folder, content);
  expect(readPageFile(folder)).toBeNull();
  const lock = lockFolder(folder);
  expect(readPageFile(folder)).toEqual(content);
  writePageFile(folder, { ...content, address: "http://evil.example:80" });
  expect(readPageFile(folder)).toBeNull();
  lock.release();
});

test("a port that is taken is told, and no thread stays", async () => {
  page = await openTrainingPage({ folder, port: 0, control: new RunControl() });
  page.offer(folder);
  const port = Number(/:(\d+)\//.exec(page.address)![1]);
  await expect(openTrainingPage({ folder, port, control: new RunControl() })).rejects.toThrow(
    `The page cannot be served: The port ${port} is taken: choose another with --port`,
  );
});
