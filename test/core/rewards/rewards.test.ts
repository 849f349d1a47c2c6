import { expect, test } from "vitest";
import { makeSample } from "../../../core/testing.ts";
import { RewardJournal } from "../../../core/checkpoint/journal.ts";
import { RewardDesk, rewardPart } from "../../../core/rewards/rewards.ts";
import { type Scorer } from "../../../core/contracts/registered/scorer.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const scorer = (changes: Partial<Scorer>): Scorer => ({
  name: "judge",
  weight: 1,
  timeoutSeconds: 5,
  onFailure: "stop",
  score: () => 1,
  ...changes,
});
const place = { step: 3, round: 0 };
const sample = makeSample({ prompt: "row-1", index: 2, length: 3, reward: 0 });
const judge = (changes: Partial<Scorer>) => new RewardDesk([scorer(changes)], 8).judge(sample, place);
const never = new Promise<number>(() => undefined);

test("parts are summed by weight, notes are kept", async () => {
  const desk = new RewardDesk(
    [
      scorer({ name: "accuracy", weight: 0.9 }),
      scorer({ name: "format", weight: 0.1, score: async () => ({ value: 0.5, note: "half" }) }),
    ],
    8,
  );
  expect(await desk.judge(sample, place)).toEqual({
    reward: 0.9 + 0.1 * 0.5,
    parts: { accuracy: 1, format: 0.5 },
    notes: { format: "half" },
    failures: {},
  });
});

test("a scorer that throws stops with its name, the row and a way on", async () => {
  const fails = judge({
    score: () => {
      throw new Error("no network");
    },
  });
  await expect(fails).rejects.toThrow(/Scorer "judge" failed on response 2 to row "row-1": no network.*onFailure: 0/);
});

test("a failure gives the stand-in where the scorer says so, with the reason", async () => {
  for (const [score, reason] of [
    [
      () => {
        throw new Error("no network");
      },
      "no network",
    ],
    [() => NaN, "it returned NaN, which is no finite number"],
    [async () => ({ value: Infinity }), "it returned { value: Infinity }, which is no finite number"],
    [() => undefined as unknown as number, "it returned nothing, which is no finite number"],
  ] as const) {
    expect(await judge({ score, onFailure: -1, weight: 2 })).toEqual({
      reward: -2,
      parts: { judge: -1 },
      notes: {},
      failures: { judge: reason },
    });
  }
});

test("a scorer that hangs is given up at its time-out, and its signal fires", async () => {
  let signalled = false;
  const hangs: Scorer["score"] = (_sample, signal) => {
    signal.addEventListener("abort", () => (signalled = true));
    return never;
  };
  await expect(judge({ score: hangs, timeoutSeconds: 0.01 })).rejects.toThrow("it gave no answer within 0.01 s");
  expect(signalled).toBe(true);
  expect((await judge({ score: hangs, timeoutSeconds: 0.01, onFailure: 0 })).failures).toEqual({
    judge: "it gave no answer within 0.01 s",
  });
});

test("a scorer that changes what it is given is named", async () => {
  const changing = makeSample({ prompt: "row-1", index: 2, length: 3 });
  const edits: Scorer["score"] = ({ response }) => (response.tokens[1] = 7);
  const asked = new RewardDesk([scorer({ score: edits })], 8).judge(changing, place);
  await expect(asked).rejects.toThrow('The scorer "judge" changed response 2 to row "row-1", or its prompt, in place');
  const two = [scorer({ name: "length" }), scorer({ score: ({ prompt }) => (prompt.pictures[0]!.data[0] = 1) })];
  const picture = { ...makeSample().prompt.pictures[0]!, data: new Uint8Array(3) };
  const shown = { ...changing, prompt: { ...changing.prompt, pictures: [picture] } };
  await expect(new RewardDesk(two, 8).judge(shown, place)).rejects.toThrow(
    'One of the scorers "length", "judge" changed',
  );
});

test("no more scorers run at one time than the limit", async () => {
  let [running, most] = [0, 0];
  const score = async (): Promise<number> => {
    most = Math.max(most, ++running);
    await new Promise((resolve) => setImmediate(resolve));
    running--;
    return 1;
  };
  const desk = new RewardDesk([scorer({ score })], 3);
  await Promise.all(
    Array.from({ length: 20 }, (_, index) =>
      desk.judge(makeSample({ prompt: "row", index, length: 1, reward: 0 }), place),
    ),
  );
  expect(most).toBe(3);
});

test("what the journal knows of the very same response is not asked again, a failure neither", async () => {
  const folder = temporaryFolder();
  let calls = 0;
  const failing = scorer({
    onFailure: 0,
    score: () => {
      calls++;
      throw new Error("down");
    },
  });
  const run = async (response: typeof sample) => {
    const journal = new RewardJournal(folder);
    journal.begin(3);
    return new RewardDesk([failing], 8, journal).judge(response, place);
  };
  const first = await run(sample);
  expect(await run(sample)).toEqual(first);
  expect(calls).toBe(1);
  const tokens = Int32Array.of(5, 5, 5);
  await run({ ...sample, response: { ...sample.response, tokens } });
  expect(calls).toBe(2);
});

test("null says that a scorer does not apply: it counts in no sum and has no part; a response that nobody judges is left out, and said", async () => {
  const desk = new RewardDesk(
    [scorer({ name: "accuracy", weight: 0.9 }), scorer({ name: "boxes", weight: 5, score: async () => null })],
    8,
  );
  expect(await desk.judge(sample, place)).toEqual({ reward: 0.9, parts: { accuracy: 1 }, notes: {}, failures: {} });
  expect(await judge({ score: () => null })).toEqual({
    reward: 0,
    parts: {},
    notes: {},
    failures: { judge: "no scorer applies to this response: its group is left out" },
    dropped: true,
  });
  const folder = temporaryFolder();
  const written = new RewardJournal(folder);
  written.begin(3);
  await new RewardDesk([scorer({ score: () => null })], 8, written).judge(sample, place);
  const read = new RewardJournal(folder);
  read.begin(3);
  expect((await new RewardDesk([scorer({})], 8, read).judge(sample, place)).parts).toEqual({});
  expect(() => rewardPart({ ...sample, parts: { accuracy: 1 } }, "boxes")).toThrow(
    'has no part "boxes"; it has accuracy (no scorer is called so, or it said that it does not apply',
  );
});
