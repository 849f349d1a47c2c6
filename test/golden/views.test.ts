import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { LearnerBatch } from "../../core/learner/learner.ts";
import type { EncodedPrompt } from "../../core/model/model.ts";
import type { GeneratedResponse } from "../../core/rollout/engine.ts";
import { OnnxRolloutEngine } from "../../core/rollout/onnx-engine.ts";
import {
  createLearner,
  encodeMessage,
  type GoldenPart,
  goldenPictures,
  type LoadedModel,
  loadModel,
} from "./loaded-model.ts";
import { goldenJson, goldenTensors, hasPart, largestDifference, tensorOf } from "./support.ts";

interface GoldenView {
  readonly model: string;
  readonly case: string;
  /** How many visual tokens are dropped: none, some, all. */
  readonly name: string;
  readonly dropped: readonly number[];
  readonly logps: readonly number[];
  readonly similarity: readonly number[];
}

const golden = goldenJson<readonly GoldenView[]>("views.json") ?? [];

describe.skipIf(!hasPart("views.json"))("dropped visual tokens and picture similarity", () => {
  let model: LoadedModel;
  beforeAll(async () => {
    model = await loadModel("tiny");
  });
  afterAll(() => model.runtime.release());

  async function batchOf({ model: name, case: ofModel, dropped }: GoldenView): Promise<LearnerBatch> {
    const info = goldenJson<{
      messages: (readonly GoldenPart[])[];
      grid_thw: (readonly number[])[];
      prompt_len: number;
    }>(`models/${name}.${ofModel}.json`)!;
    const tensors = (await goldenTensors(`models/${name}.${ofModel}.safetensors`))!;
    const { prompt } = await encodeMessage(model, info.messages[0]!);
    const whole: EncodedPrompt = {
      ids: prompt.ids,
      pictures: goldenPictures(tensorOf(tensors, "pixel_values"), info.grid_thw),
      dropped: Uint8Array.from(dropped),
    };
    return {
      prompts: [whole],
      rows: [{ prompt: 0, tokens: Int32Array.from(tensorOf(tensors, "input_ids").data.subarray(info.prompt_len)) }],
      temperature: 1,
    };
  }

  test.each(golden.map((view) => [`${view.case}, ${view.name}`, view] as const))(
    "%s: log-probs and similarity are those of attention masked for everybody",
    async (_, view) => {
      const { logProbs, pictureSimilarity } = await createLearner(model, 8192).score(await batchOf(view), [
        "logProbs",
        "pictureSimilarity",
      ]);
      expect(largestDifference(logProbs!, view.logps)).toBeLessThan(2e-5);
      expect(largestDifference(pictureSimilarity!, view.similarity)).toBeLessThan(2e-5);
    },
  );

  test("a batch of prompts with different tokens dropped gives what each gives alone", async () => {
    const views = golden.filter((view) => view.case === "p2_two_images");
    const alone = await Promise.all(views.map(batchOf));
    const together = {
      prompts: alone.flatMap(({ prompts }) => prompts),
      rows: alone.map(({ rows }, prompt) => ({ ...rows[0]!, prompt })),
      temperature: 1,
    };
    const { logProbs, pictureSimilarity } = await createLearner(model, 8192).score(together, [
      "logProbs",
      "pictureSimilarity",
    ]);
    expect(
      largestDifference(
        logProbs!,
        views.flatMap(({ logps }) => logps),
      ),
    ).toBeLessThan(2e-5);
    expect(
      largestDifference(
        pictureSimilarity!,
        views.flatMap(({ similarity }) => similarity),
      ),
    ).toBeLessThan(2e-5);
  });

  test("the sampler sees the same prompt as the learner", async () => {
    const { prompts } = await batchOf(
      golden.find(({ case: ofModel, name }) => ofModel === "p2_two_images" && name === "some")!,
    );
    const responses: GeneratedResponse[] = [];
    const sampling = { temperature: 1, topP: 1, topK: 0, maxNewTokens: 6, stopTokens: [], bannedTokens: [] };
    await new OnnxRolloutEngine(model.runtime, {}).generate(
      [
        {
          prompt: prompts[0]!,
          count: 2,
          keys: [
            [1, 2],
            [3, 4],
          ],
        },
      ],
      sampling,
      (response) => responses.push(response),
    );
    const { logProbs } = await createLearner(model, 8192).score(
      { prompts, rows: responses.map(({ tokens }) => ({ prompt: 0, tokens })), temperature: 1 },
      ["logProbs"],
    );
    expect(
      largestDifference(
        logProbs!,
        responses.flatMap((response) => [...response.logProbs]),
      ),
    ).toBeLessThan(1e-5);
  });

  test("the gradient through the similarity is its slope", async () => {
    const batch = await batchOf(
      golden.find(({ case: ofModel, name }) => ofModel === "p1_one_image" && name === "some")!,
    );
    const learner = createLearner(model, 8192);
    const size = batch.rows[0]!.tokens.length;
    await learner.backward(batch, { pictureSimilarity: new Float32Array(size).fill(1) });
    const [name, gradient] = [...learner.gradients].find(([parameter]) =>
      parameter.endsWith("language_model.norm.weight"),
    )!;
    const { data } = model.runtime.weights().get(name)!;
    const total = async (): Promise<number> => {
      model.runtime.changed();
      return (await learner.score(batch, ["pictureSimilarity"])).pictureSimilarity!.reduce(
        (sum, value) => sum + value,
        0,
      );
    };
    const direction = gradient.map(Math.sign);
    const kept = data.slice();
    const at = async (step: number): Promise<number> => {
      data.set(kept.map((value, i) => value + step * direction[i]!));
      return total();
    };
    const slope = ((await at(1e-3)) - (await at(-1e-3))) / 2e-3;
    data.set(kept);
    model.runtime.changed();
    const norm1 = gradient.reduce((sum, value) => sum + Math.abs(value), 0);
    expect(Math.abs(slope - norm1) / norm1).toBeLessThan(5e-3);
  });
});
