import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { learnerSettings, openPolicyInProcess, parseSettings, type OpenPolicy } from "@papo/core";
import { arrayDataset, type RowInput } from "../../../core/data/dataset.ts";
import {
  supervisedBatches,
  trainSupervised,
  type SupervisedExample,
  type SupervisedStep,
} from "../../../core/pipeline/supervised.ts";
import { tinyModel } from "../../trust/support.ts";

const settings = { steps: 8, learningRate: 2e-3, warmupSteps: 0, decay: "constant", finalFraction: 0 } as const;

let policy: OpenPolicy;
beforeAll(async () => {
  policy = await openPolicyInProcess({ folder: tinyModel, threads: 1, ...learnerSettings(parseSettings()) });
});
afterAll(() => policy.close());

const answers = ["1", "a long answer of some words", "two of them"];
const examples = (): SupervisedExample[] =>
  answers.map((answer, index) => ({
    prompt: policy.processor.encodePrompt({ prompt: `Question ${index}.`, system: null }, []),
    response: policy.processor.encodeResponse(answer),
  }));

/** Batches of which there are `count`. */
async function* batchesOf<T>(batch: readonly T[], count: number): AsyncGenerator<readonly T[]> {
  for (let made = 0; made < count; made++) yield await Promise.resolve(batch);
}

async function train(
  batch: readonly SupervisedExample[],
  options: { readonly count: number; readonly steps: number },
): Promise<SupervisedStep[]> {
  const done: SupervisedStep[] = [];
  const { learner } = policy;
  await trainSupervised({
    learner,
    batches: batchesOf(batch, options.count),
    settings: { ...settings, steps: options.steps },
    onStep: (step) => void done.push(step),
  });
  return done;
}

describe("trainSupervised", () => {
  test("gives every token of a ragged batch the same weight", async () => {
    const batch = examples();
    const rows = batch.map(({ response }, prompt) => ({ prompt, tokens: response }));
    const lengths = rows.map(({ tokens }) => tokens.length);
    expect(new Set(lengths).size).toBe(3);
    const { logProbs } = await policy.learner.score(
      { prompts: batch.map(({ prompt }) => prompt), rows, temperature: 1 },
      ["logProbs"],
    );
    const T = Math.max(...lengths);
    const given = lengths.flatMap((length, b) => Array.from({ length }, (_, t) => logProbs![b * T + t]!));
    const [first] = await train(batch, { count: 1, steps: 1 });
    expect(first!.loss).toBeCloseTo(-given.reduce((sum, value) => sum + value, 0) / given.length, 5);
    expect(first!.confident).toBe(given.filter((value) => Math.exp(value) > 0.5).length / given.length);
  });

  test("learns a handful of answers, and takes no more batches than steps", async () => {
    const done = await train(examples(), { count: 20, steps: 8 });
    expect(done.map(({ step }) => step)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(done[7]!.loss).toBeLessThan(0.8 * done[0]!.loss);
    for (const { gradientNorm, learningRate } of done) {
      expect(gradientNorm).toBeGreaterThan(0);
      expect(learningRate).toBe(2e-3);
    }
  });

  test("says so when the data ends early, and when a batch holds nothing to learn", async () => {
    await expect(train(examples(), { count: 2, steps: 3 })).rejects.toThrow(
      "the data ended after 2 of 3 supervised steps; give more rows or fewer steps",
    );
    const empty = examples().map((example) => ({ ...example, response: new Int32Array() }));
    await expect(train(empty, { count: 1, steps: 1 })).rejects.toThrow(
      "supervised step 1: the batch holds no response token to learn from",
    );
  });
});

describe("supervisedBatches", () => {
  const rows: RowInput[] = answers.map((answer, index) => ({
    id: `row ${index}`,
    prompt: `Question ${index}.`,
    answer,
  }));
  const missing: RowInput = { id: "missing", prompt: "What?", images: ["/nowhere/picture.png"] };
  const make = (given: readonly RowInput[], seed: number, onSkip?: (id: string) => void) =>
    supervisedBatches({
      dataset: arrayDataset(given),
      processor: policy.processor,
      responseOf: ({ answer }) => answer,
      settings: { seed, promptsPerStep: 6, maxPromptTokens: 100 },
      ...(onSkip
        ? {
            onSkip: ({ id }) => {
              onSkip(id);
            },
          }
        : {}),
    });
  const responsesOf = async (batches: AsyncGenerator<SupervisedExample[]>): Promise<string[]> =>
    ((await batches.next()).value as SupervisedExample[]).map(({ response }) => policy.processor.decode(response));

  test("draws every row once per pass, its response ended by the stop token, in an order by seed", async () => {
    const drawn = await responsesOf(make(rows, 1));
    expect([...drawn.slice(0, 3)].sort()).toEqual([...answers].sort());
    expect([...drawn.slice(3)].sort()).toEqual([...answers].sort());
    expect(await responsesOf(make(rows, 1))).toEqual(drawn);
    const others = await Promise.all([2, 3, 4, 5].map((seed) => responsesOf(make(rows, seed))));
    expect(others.some((order) => order.join() !== drawn.join())).toBe(true);
    const first = ((await make(rows, 1).next()).value as SupervisedExample[])[0]!;
    expect(policy.processor.stopTokens).toContain(first.response.at(-1));
  });

  test("leaves out rows that cannot be used where asked to, and stops without", async () => {
    const skipped: string[] = [];
    const drawn = await responsesOf(make([...rows, missing], 1, (id) => skipped.push(id)));
    expect(drawn).toHaveLength(6);
    expect(new Set(drawn)).toEqual(new Set(answers));
    expect(new Set(skipped)).toEqual(new Set(["missing"]));
    await expect(responsesOf(make([...rows, missing], 1))).rejects.toThrow(
      /Row "missing" cannot be used: .*picture\.png/,
    );
    await expect(responsesOf(make([missing], 1, () => undefined))).rejects.toThrow(
      "none of the 1 rows of rows can be used",
    );
  });

  test("does not write twice what the chat template begins every response with", async () => {
    const answer = "<think>\nthree\n</think> 3";
    const given: string[] = [];
    const processor = {
      ...policy.processor,
      encodePrompt: policy.processor.encodePrompt.bind(policy.processor),
      encodePictures: policy.processor.encodePictures.bind(policy.processor),
      opening: "<think>\n",
      encodeResponse: (text: string) => (given.push(text), Int32Array.of(1)),
    };
    const settings = { seed: 1, promptsPerStep: 1, maxPromptTokens: 100 };
    for (const written of [answer, ` ${answer}`, answer.replace("\n", " "), "3", "</think> 3"]) {
      await supervisedBatches({
        dataset: arrayDataset(rows),
        processor: processor as unknown as typeof policy.processor,
        responseOf: () => written,
        settings,
      }).next();
    }
    expect(given).toEqual(["three\n</think> 3", "three\n</think> 3", " three\n</think> 3", "3", "</think> 3"]);
  });

  test("does not hide an error of the answers' own", async () => {
    const batches = supervisedBatches({
      dataset: arrayDataset(rows),
      processor: policy.processor,
      responseOf: ({ id }) => {
        throw new Error(`no answer to ${id}`);
      },
      settings: { seed: 1, promptsPerStep: 1, maxPromptTokens: 100 },
      onSkip: () => undefined,
    });
    await expect(batches.next()).rejects.toThrow(/^no answer to row \d$/);
  });
});
