import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { FunctionRewardPlugin } from "@papo/plugins";
import type { Scorer } from "../../core/contracts/registered/scorer.ts";
import { BanditPlugin } from "../support/bandit.ts";
import { type Outcome, removeFolders, trainSmall, weightsOf } from "./support.ts";

afterAll(removeFolders);

/** Good for two steps of two prompts × two responses; then it does what a user's function may do. */
function failing(failure: () => unknown): Scorer["score"] {
  let calls = 0;
  return ({ response }) => (++calls <= 8 ? response.tokens[0]! % 2 : (failure() as number));
}

const trainWith = (failure: () => unknown, onFailure: "stop" | number = "stop"): Promise<Outcome> =>
  trainSmall({
    plugins: [
      new FunctionRewardPlugin({ name: "mine", score: failing(failure), timeoutSeconds: 0.2, onFailure }),
      new BanditPlugin(),
    ],
    settings: { steps: 3, checkpointEvery: 0 },
  });

const failures: readonly (readonly [what: string, failure: () => unknown, reason: RegExp])[] = [
  [
    "throws",
    () => {
      throw new Error("no more credit");
    },
    /no more credit/,
  ],
  [
    "throws something that is no error",
    () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- users do
      throw "no more credit";
    },
    /no more credit/,
  ],
  ["rejects", () => Promise.reject(new Error("HTTP 500")), /HTTP 500/],
  ["hangs", () => new Promise(() => undefined), /it gave no answer within 0\.2 s/],
  ["gives NaN", () => NaN, /it returned NaN, which is no finite number/],
  ["gives a text", () => "1", /it returned the text "1", which is no finite number/],
  ["gives nothing", () => undefined, /it returned nothing, which is no finite number/],
  [
    "gives a part without a number",
    () => ({ value: "high" }),
    /it returned \{ value: "high" \}, which is no finite number/,
  ],
];

describe("a reward that", () => {
  test.each(failures)(
    "%s stops the run, names itself and the response, and loses no step",
    async (_what, failure, reason) => {
      const { error, output, metrics } = await trainWith(failure);
      expect(error).toMatch(/^Step 3 failed: Scorer "mine" failed on response \d to row "\d": /);
      expect(error).toMatch(reason);
      expect(error).toMatch(
        /\(onFailure: 0 would give such responses 0 and go on, onFailure: "drop" leave their groups out\.\)\n.*up to step 2 is safe in .*step-2; .*--resume/,
      );
      expect(metrics).toHaveLength(2);
      expect(readFileSync(weightsOf(output, 2)).length).toBeGreaterThan(1e6);
    },
  );

  test("fails in any of these ways gets the value the user chose, told and counted", async () => {
    let calls = 0;
    const each = new FunctionRewardPlugin({
      name: "mine",
      score: () => failures[calls++]![1]() as number,
      timeoutSeconds: 0.2,
      onFailure: -1,
    });
    const { error, skips, metrics } = await trainSmall({
      plugins: [each, new BanditPlugin()],
      settings: { steps: 1, promptsPerStep: failures.length / 2 },
    });
    expect(error).toBeNull();
    expect(metrics[0]).toMatchObject({ "reward/failures": failures.length, "reward/mean": -1 });
    expect(skips).toHaveLength(failures.length);
    for (const [, , reason] of failures)
      expect(
        skips.some((skip) => /^scorer "mine" on response \d to row "\d(#\d)?": /.test(skip) && reason.test(skip)),
      ).toBe(true);
  });

  test("fails drops its group where the user chose so: told, counted, not trained on", async () => {
    let calls = 0;
    const first = new FunctionRewardPlugin({ name: "mine", score: () => (calls++ === 0 ? NaN : 1), onFailure: "drop" });
    const { error, skips, metrics } = await trainSmall({
      plugins: [first, new BanditPlugin()],
      settings: { steps: 2, promptsPerStep: 3 },
    });
    expect(error).toBeNull();
    expect(skips).toHaveLength(1);
    expect(
      metrics.map((step) => [
        step["reward/failures"],
        step["rollout/groups_dropped"],
        step["rollout/groups_kept"],
        step["reward/mean"],
      ]),
    ).toEqual([
      [1, 1, 2, 1],
      [0, 0, 3, 1],
    ]);
  });
});

test("a run that failed in a reward goes on when the reward is mended, as if nothing had happened", async () => {
  const recipe = (score: Scorer["score"]) => [new FunctionRewardPlugin({ name: "mine", score }), new BanditPlugin()];
  const sound: Scorer["score"] = ({ response }) => response.tokens[0]! % 2;
  const settings = { steps: 3, checkpointEvery: 0 };
  const failed = await trainSmall({ plugins: recipe(failing(() => NaN)), settings });
  const mended = await trainSmall({ plugins: recipe(sound), settings, output: failed.output, resume: true });
  expect(mended.error).toBeNull();
  const whole = await trainSmall({ plugins: recipe(sound), settings });
  expect(mended.metrics).toEqual(whole.metrics);
  expect(readFileSync(weightsOf(mended.output, 3)).equals(readFileSync(weightsOf(whole.output, 3)))).toBe(true);
  expect(readFileSync(join(mended.output, "rewards/step-3.jsonl"), "utf8")).toBe(
    readFileSync(join(whole.output, "rewards/step-3.jsonl"), "utf8"),
  );
});

test("a recipe without any reward is told, not trained in silence", async () => {
  const { alarms } = await trainSmall({ plugins: [new BanditPlugin()], settings: { steps: 1 } });
  expect(alarms).toContain("run: no plugin gives a reward, so that every response gets 0: list one in the recipe");
});
