import { expect, test } from "vitest";
import { stepNumbers } from "../../../../core/pipeline/step/numbers.ts";
import type { Group, Sample } from "../../../../core/contracts/step/sample.ts";
import type { EncodedPrompt } from "../../../../core/model/model.ts";
import { hashPixels } from "../../../../core/model/processing/image-processor.ts";
import { makeGroup, makeSample } from "../../../../core/testing.ts";
import { whereNumbersDiffer } from "../../../../recipes/app/replay/numbers.ts";

const grid = [1, 2, 5] as const;
/** A picture of ten patches of three numbers; those listed are black. */
function seen(masked: readonly number[], dropped: readonly number[] | null = null, id = 7): EncodedPrompt {
  const pixels = Float32Array.from({ length: 30 }, (_, index) =>
    masked.includes(Math.floor(index / 3)) ? 0 : 1 + index,
  );
  return {
    ids: Int32Array.of(id, 8),
    pictures: [{ hash: hashPixels(grid, pixels), grid, pixels }],
    ...(dropped === null
      ? {}
      : { dropped: Uint8Array.from({ length: 10 }, (_, index) => (dropped.includes(index) ? 1 : 0)) }),
  };
}

interface Step {
  readonly masked?: readonly number[];
  readonly dropped?: readonly number[];
  readonly id?: number;
  readonly tokens?: readonly number[];
  readonly logProbs?: readonly number[];
  readonly reward?: number;
  readonly key?: string;
}

/** A group of two responses under four views; the second response is as asked, and has a view of its own. */
function numbersOf({
  masked = [3],
  dropped = [1],
  id = 7,
  tokens = [1, 2, 3],
  logProbs = [-1, -2, -3],
  reward = 0.5,
  key = "a",
}: Step): ReturnType<typeof stepNumbers> {
  const views = new Map([
    ["original", seen([], null, id)],
    ["masked", seen(masked)],
    ["dropped", seen([], dropped)],
  ]);
  const base = makeSample({ index: 0, length: 3 });
  const prompt = { ...base.prompt, key, views };
  const second = makeSample({ index: 1, length: 3 });
  const samples: Sample[] = [
    { ...base, prompt, views },
    {
      ...second,
      prompt,
      reward,
      views: new Map([...views, ["own", seen(masked)]]),
      response: { ...second.response, tokens: Int32Array.from(tokens), logProbs: Float32Array.from(logProbs) },
    },
  ];
  const group: Group = { ...makeGroup({ samples }), key, prompt, samples };
  return stepNumbers([group], [group]);
}

const right = numbersOf({});

test.each<[string, string, Step, string | null]>([
  ["rows", "rows", { key: "b" }, 'first prompt 1: "a" → "b"'],
  [
    "patches of a mask",
    "view masked",
    { masked: [4, 9] },
    '1 of 1 recorded, most that of "a": 3 patches are masked in one of the two alone',
  ],
  [
    "those of one response",
    "view own",
    { masked: [3, 5] },
    '1 of 1 recorded, most that of "a", response 1: 1 patches are masked in one of the two alone',
  ],
  [
    "visual tokens",
    "view dropped",
    { dropped: [1, 8, 9] },
    '1 of 1 recorded, most that of "a": 2 visual tokens are left out in one of the two alone',
  ],
  [
    "the text",
    "view original",
    { id: 9 },
    '1 of 1 recorded, most that of "a": the same patches, with other text or other pixels',
  ],
  [
    "a token",
    "tokens",
    { tokens: [1, 5, 3] },
    '1 of 2 recorded responses, first response 1 to "a" from token 2: 2 → 5',
  ],
  [
    "a token more",
    "tokens",
    { tokens: [1, 2, 3, 4] },
    '1 of 2 recorded responses, first response 1 to "a" from token 4: none → 4',
  ],
  [
    "a log-prob",
    "log-probs",
    { logProbs: [-1, -2.5, -3.25] },
    'largest difference 5.00e-1 nats, response 1 to "a", token 2: -2 → -2.5',
  ],
  [
    "log-probs after another token",
    "log-probs",
    { tokens: [1, 5, 3], logProbs: [-1, -2, -9] },
    "not in what is recorded by number, the first tokens of the first 2 responses",
  ],
  ["a reward", "rewards", { reward: 0.25 }, 'largest difference 2.50e-1, response 1 to "a": 0.5 → 0.25'],
  ["groups", "groups trained on", {}, null],
])("of %s: where, and by how much", (_, name, step, said) => {
  expect(whereNumbersDiffer(name, right, numbersOf(step))).toBe(said);
});

test("a step of any size is a line of under 32 kB", () => {
  const long = makeSample({ length: 4000 });
  const pixels = Float32Array.from({ length: 16_384 }, (_, index) => index % 7);
  const picture = (hash: string, changed: Float32Array): EncodedPrompt => ({
    ids: new Int32Array(2000),
    pictures: [{ hash, grid: [1, 128, 128], pixels: changed }],
  });
  const views = new Map([
    ["original", picture("a", pixels)],
    ["masked", picture("b", new Float32Array(16_384))],
  ]);
  const prompt = { ...long.prompt, views };
  const groups = Array.from({ length: 100 }, (): Group => ({
    ...makeGroup({ samples: [long, long] }),
    prompt,
    samples: [long, long].map((sample) => ({ ...sample, prompt, views })),
  }));
  const line = JSON.stringify(stepNumbers(groups, groups));
  expect(line.length).toBeGreaterThan(16_384);
  expect(line.length).toBeLessThan(32_000);
});
