import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openPolicyInProcess, parseSettings, learnerSettings, type OpenPolicy } from "@papo/core";
import { hashPixels } from "../../../core/model/processing/image-processor.ts";
import { relativeError } from "../../golden/support.ts";
import { allPasses, type Passes } from "../../../core/graph/passes.ts";
import type { EncodedPicture } from "../../../core/model/processing/picture.ts";
import type { GraphLearner } from "../../../core/learner/graph-learner.ts";
import type { LearnerBatch } from "../../../core/learner/learner.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));
const policies: OpenPolicy[] = [];

async function open(
  optimizer: Parameters<typeof parseSettings>[0] = {},
  passes: Partial<Passes> = {},
): Promise<OpenPolicy> {
  const policy = await openPolicyInProcess({
    folder,
    threads: 1,
    passes,
    ...learnerSettings(parseSettings(optimizer)),
  });
  policies.push(policy);
  return policy;
}

const pixels = Float32Array.from({ length: 16 * 1176 }, (_, i) => Math.sin(i));
const picture: EncodedPicture = { hash: hashPixels([1, 4, 4], pixels), grid: [1, 4, 4], pixels };
const image = 479;

/** A prompt with a picture and two responses, one without, and an empty response. */
const batch: LearnerBatch = {
  prompts: [
    { ids: Int32Array.of(5, image, image, image, image, 7), pictures: [picture] },
    { ids: Int32Array.of(8, 9), pictures: [] },
  ],
  rows: [
    { prompt: 0, tokens: Int32Array.of(11, 12, 13) },
    { prompt: 1, tokens: Int32Array.of(14) },
    { prompt: 0, tokens: Int32Array.of() },
    { prompt: 0, tokens: Int32Array.of(15, 16) },
  ],
  temperature: 0.7,
};
const cotangents = { logProbs: Float32Array.from({ length: 12 }, (_, i) => (i % 3) - 1) };

let output = "";
beforeAll(async () => {
  output = await mkdtemp(join(tmpdir(), "graph-learner-"));
});
afterAll(async () => {
  for (const policy of policies) await policy.close();
  await rm(output, { recursive: true, force: true });
});

describe("the learner", () => {
  test("gives zeros past each response's end, and the same outputs from backward as from score", async () => {
    const { learner } = await open();
    const scored = await learner.score(batch, ["logProbs", "entropy"]);
    const zero = (array: Float32Array | undefined): number[] =>
      [...(array ?? [])].flatMap((value, i) => (value === 0 ? [i] : []));
    expect(zero(scored.logProbs)).toEqual([4, 5, 6, 7, 8, 11]);
    expect(zero(scored.entropy)).toEqual([4, 5, 6, 7, 8, 11]);
    const { logProbs } = await learner.backward(batch, cotangents);
    logProbs?.forEach((value, i) => expect(Math.abs(value - (scored.logProbs?.[i] ?? NaN))).toBeLessThan(1e-6));
  });

  test("moves in the direction of the cotangent, and counts its versions", async () => {
    const { learner } = await open();
    const before = await learner.score(batch, ["logProbs"]);
    await learner.backward(batch, { logProbs: new Float32Array(12).fill(-1) });
    const { gradientNorm, skipped } = await learner.step({ learningRate: 1e-3 });
    expect([gradientNorm > 0, skipped, learner.version]).toEqual([true, false, 1]);
    const after = await learner.score(batch, ["logProbs"]);
    const sum = (array: Float32Array = new Float32Array()): number => array.reduce((a, b) => a + b, 0);
    expect(sum(after.logProbs)).toBeGreaterThan(sum(before.logProbs) + 0.1);
  });

  test("leaves frozen parameters as they are, to the bit", async () => {
    const { learner } = await open({ optimizer: { freeze: ["model.visual.**"], weightDecay: 0.5 } });
    expect(learner.capabilities.trained).toBeLessThan(learner.capabilities.parameters);
    await learner.save(join(output, "frozen-before"));
    await learner.backward(batch, cotangents);
    await learner.step({ learningRate: 1e-2 });
    await learner.save(join(output, "frozen-after"));
    const { loadModelFolder } = await import("../../../core/model/files/folder.ts");
    const { createModel } = await import("../../../core/model/registry.ts");
    const read = (name: string) =>
      loadModelFolder(join(output, name, "model"), (config) => createModel(config).parameters);
    const [before, after] = [await read("frozen-before"), await read("frozen-after")];
    for (const [name, { data }] of before.weights) {
      const same = data.every((value, i) => value === after.weights.get(name)?.data[i]);
      expect(same, name).toBe(name.startsWith("model.visual."));
    }
  });

  test("says which freeze pattern fits nothing, and which leave nothing", async () => {
    await expect(open({ optimizer: { freeze: ["visual.*"] } })).rejects.toThrow('"visual.*" matches no parameter');
    await expect(open({ optimizer: { freeze: ["**"] } })).rejects.toThrow("leave no parameter to train");
  });

  test("goes on from what it saved to the same bits, kept copies included", async () => {
    const [first, second] = [await open(), await open()];
    const update = async ({ learner }: OpenPolicy): Promise<void> => {
      await learner.backward(batch, cotangents);
      await learner.step({ learningRate: 1e-3 });
    };
    await first.learner.keep("reference");
    await update(first);
    await first.learner.save(join(output, "saved"));
    await second.learner.load(join(output, "saved"));
    expect(second.learner.version).toBe(1);
    await update(first);
    await update(second);
    for (const weights of ["current", "reference"]) {
      expect(await second.learner.score(batch, ["logProbs"], weights)).toEqual(
        await first.learner.score(batch, ["logProbs"], weights),
      );
    }
    expect(await first.learner.score(batch, ["logProbs"], "reference")).not.toEqual(
      await first.learner.score(batch, ["logProbs"]),
    );
    await expect(first.learner.score(batch, ["logProbs"], "ema")).rejects.toThrow('no weights are kept as "ema"');
  });

  test("has the same gradients when it computes layers again instead of keeping them", async () => {
    const [kept, again] = await Promise.all(
      [{}, { recompute: true }].map(async (settings) => {
        const { learner } = await open(settings);
        await learner.backward(batch, cotangents);
        return (learner as GraphLearner).gradients;
      }),
    );
    expect([...again!.keys()].sort()).toEqual([...kept!.keys()].sort());
    for (const [name, gradient] of kept!) expect(relativeError(again!.get(name)!, gradient), name).toBeLessThan(1e-6);
  });

  test.each(Object.keys(allPasses))("has the same outputs and gradients without the pass %s", async (pass) => {
    const [plain, without] = await Promise.all(
      [{}, { [pass]: false }].map(async (passes) => {
        const { learner } = await open({}, passes);
        const { logProbs } = await learner.backward(batch, cotangents);
        return { logProbs: logProbs!, gradients: (learner as GraphLearner).gradients };
      }),
    );
    expect(relativeError(without!.logProbs, plain!.logProbs)).toBeLessThan(1e-6);
    for (const [name, gradient] of plain!.gradients)
      expect(relativeError(without!.gradients.get(name)!, gradient), name).toBeLessThan(1e-5);
  });

  test("scores in int8 to a quarter of a nat in the mean, and not to the bit", async () => {
    const { learner } = await open();
    const [exact, rough] = [
      await learner.score(batch, ["logProbs"]),
      await learner.score(batch, ["logProbs"], undefined, "int8"),
    ];
    const errors = exact.logProbs!.map((value, i) => Math.abs(value - rough.logProbs![i]!));
    expect(errors.reduce((sum, error) => sum + error, 0) / 6).toBeLessThan(0.25);
    expect(Math.max(...errors)).toBeGreaterThan(1e-5);
  });

  test("refuses a cotangent of another size", async () => {
    const { learner } = await open();
    await expect(learner.backward(batch, { logProbs: new Float32Array(5) })).rejects.toThrow(
      "has 5 entries; the batch is [4, 3]",
    );
  });
});

describe("divergences of full distributions", () => {
  /** Responses of one token, one for each of the vocabulary, after the picture's prompt and after the one without. */
  const vocabulary = 512;
  const every = (prompt: number): LearnerBatch => ({
    ...batch,
    rows: Array.from({ length: vocabulary }, (_, token) => ({ prompt, tokens: Int32Array.of(token) })),
  });
  /** One prediction, after the picture's prompt, whose other side is the prompt without. */
  const first: LearnerBatch = {
    ...batch,
    rows: [{ prompt: 0, tokens: Int32Array.of(11) }],
    against: { prompts: batch.prompts, promptOf: [1] },
  };
  const kinds = ["kl", "reverseKl", "jsd"] as const;

  test("are the sums over the vocabulary that their names say, and so are their gradients", async () => {
    const { learner } = await open();
    const [p, q] = [
      (await learner.score(every(0), ["logProbs"])).logProbs!,
      (await learner.score(every(1), ["logProbs"])).logProbs!,
    ];
    const sum = (f: (logP: number, logQ: number) => number): number =>
      p.reduce((total, logP, v) => total + f(logP, q[v]!), 0);
    const share = (a: number, b: number): number => Math.log(2 / (1 + Math.exp(b - a)));
    const kl = sum((a, b) => Math.exp(a) * (a - b));
    const ownJsd = sum((a, b) => Math.exp(a) * share(a, b));
    const scored = await learner.score(first, kinds);
    expect(scored.kl![0]).toBeCloseTo(kl, 5);
    expect(scored.reverseKl![0]).toBeCloseTo(
      sum((a, b) => Math.exp(b) * (b - a)),
      5,
    );
    expect(scored.jsd![0]).toBeCloseTo((ownJsd + sum((a, b) => Math.exp(b) * share(b, a))) / 2, 5);
    expect(kl).toBeGreaterThan(1e-3);
    // d divergence / d log-prob of each token, so that the pass back of log-probs gives the same.
    const slopes = {
      kl: (a: number, b: number) => Math.exp(a) * (a - b - kl),
      reverseKl: (_a: number, b: number) => -Math.exp(b),
      jsd: (a: number, b: number) => (Math.exp(a) * (share(a, b) - ownJsd)) / 2,
    };
    for (const kind of kinds) {
      const gradients = async (given: LearnerBatch, cotangents: Parameters<typeof learner.backward>[1]) => {
        await learner.step({ learningRate: 0 });
        await learner.backward(given, cotangents);
        return new Map([...(learner as GraphLearner).gradients].map(([name, gradient]) => [name, gradient.slice()]));
      };
      const whole = await gradients(first, { [kind]: Float32Array.of(1) });
      const summed = await gradients(every(0), { logProbs: p.map((logP, v) => slopes[kind](logP, q[v]!)) });
      for (const [name, gradient] of whole)
        if (gradient.some((value) => Math.abs(value) > 1e-5))
          expect(relativeError(gradient, summed.get(name)!), `${kind}, ${name}`).toBeLessThan(2e-4);
    }
  });

  test("are of each token's own other side, beside log-probs, in pieces of a batch and a head", async () => {
    const against = { prompts: [batch.prompts[1]!, batch.prompts[0]!], promptOf: [0, 1, 0, 1] };
    const both: LearnerBatch = {
      ...batch,
      rows: [
        { prompt: 0, tokens: Int32Array.of(11, 12) },
        { prompt: 0, tokens: Int32Array.of(11, 12, 13) },
        { prompt: 0, tokens: Int32Array.of() },
        { prompt: 1, tokens: Int32Array.of(14) },
      ],
      against,
    };
    const { learner } = await open();
    const { kl, logProbs } = await learner.score(both, ["kl", "logProbs"]);
    // The second row's other side is its own prompt.
    expect([...kl!].map((value) => Math.abs(value) > 1e-4)).toEqual([
      true,
      true,
      false,
      false,
      false,
      false,
      false,
      false,
      false,
      true,
      false,
      false,
    ]);
    expect(logProbs).toEqual(
      (await learner.score({ ...both, against: undefined } as unknown as LearnerBatch, ["logProbs"])).logProbs,
    );
    const small = await open({ scoringTokens: 8, microbatchTokens: 8 });
    const cut = await small.learner.score(both, ["kl"]);
    cut.kl!.forEach((value, at) => expect(value).toBeCloseTo(kl![at]!, 5));
    await learner.keep("start");
    expect((await learner.score({ ...both, against: { ...against, weights: "start" } }, ["kl"])).kl).toEqual(kl);
    await expect(learner.score(batch, ["jsd"])).rejects.toThrow('a batch without "against" was asked for jsd');
  });
});
