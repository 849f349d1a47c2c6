import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OnnxRolloutEngine } from "../../core/rollout/onnx-engine.ts";
import { sampleAll } from "../core/rollout/support.ts";
import { encodeMessage, goldenPictures, type GoldenPart, type LoadedModel, loadModel } from "./loaded-model.ts";
import { goldenJson, goldenTensors, type GoldenTensor, hasPart, modelCases, tensorOf } from "./support.ts";

interface CaseInfo {
  readonly messages: readonly (readonly GoldenPart[])[];
  readonly grid_thw: readonly (readonly number[])[];
  readonly greedy_logps: readonly (readonly number[])[];
}

/** Below this margin between the two most likely tokens, another choice is no failure. */
const decisive = 1e-3;

const there = hasPart("models");
const cases = there ? modelCases() : [];

describe.skipIf(!there).each(cases)("greedy responses of %s", (name) => {
  let model: LoadedModel;
  let info: CaseInfo;
  let tensors: ReadonlyMap<string, GoldenTensor>;

  beforeAll(async () => {
    model = await loadModel(name.slice(0, name.lastIndexOf(".")));
    info = goldenJson<CaseInfo>(`models/${name}.json`)!;
    tensors = (await goldenTensors(`models/${name}.safetensors`))!;
  });
  afterAll(() => model.runtime.release());

  test("tokens and log-probs, two to a prompt and all prompts at once", async () => {
    const pixels = tensors.get("pixel_values");
    const encoded = await Promise.all(info.messages.map(async (parts) => (await encodeMessage(model, parts)).prompt));
    const golden = pixels ? goldenPictures(pixels, info.grid_thw) : encoded.flatMap(({ pictures }) => pictures);
    let next = 0;
    const prompts = encoded.map(({ ids, pictures }) => ({ ids, pictures: pictures.map(() => golden[next++]!) }));
    const ids = tensorOf(tensors, "greedy_ids");
    const length = ids.shape[1]!;
    const margins = tensorOf(tensors, "greedy_margin").data;
    const greedy = { temperature: 0, topP: 1, topK: 0, maxNewTokens: length, stopTokens: [], bannedTokens: [] };
    const responses = await sampleAll(new OnnxRolloutEngine(model.runtime), prompts, 2, greedy);
    expect(responses.length).toBe(2 * prompts.length);
    let compared = 0;
    for (const { request, tokens, logProbs } of responses) {
      const row = [...ids.data.subarray(request * length, (request + 1) * length)];
      const close = margins.subarray(request * length, (request + 1) * length).findIndex((margin) => margin < decisive);
      const decided = close < 0 ? length : close;
      compared += decided;
      expect([...tokens.subarray(0, decided)]).toEqual(row.slice(0, decided));
      const errors = Array.from({ length: decided }, (_, i) => Math.abs(logProbs[i]! - info.greedy_logps[request]![i]!));
      expect(Math.max(0, ...errors)).toBeLessThanOrEqual(2e-5);
    }
    expect(compared).toBeGreaterThan(0);
  });
});
