import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { OnnxExecutor } from "../../../core/graph/onnx/executor.ts";
import type { Executor } from "../../../core/graph/executor.ts";
import { loadXla, xlaSetup } from "../../../core/graph/xla/client/plugin.ts";
import { loadModelFolder } from "../../../core/model/files/folder.ts";
import { createModel } from "../../../core/model/registry.ts";
import { ModelRuntime } from "../../../core/model/runtime.ts";
import type { GeneratedResponse, SamplingSettings } from "../../../core/rollout/engine.ts";
import { OnnxRolloutEngine } from "../../../core/rollout/onnx-engine.ts";
import { largestDifference } from "../../golden/support.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));

const sampling: SamplingSettings = {
  temperature: 1,
  topP: 1,
  topK: 0,
  maxNewTokens: 10,
  stopTokens: [],
  bannedTokens: [],
};
const requests = [
  {
    prompt: { ids: Int32Array.of(5, 6, 7, 9, 3), pictures: [] },
    count: 3,
    keys: [
      [1, 2],
      [3, 4],
      [5, 6],
    ] as const,
  },
  { prompt: { ids: Int32Array.of(8, 9), pictures: [] }, count: 1, keys: [[7, 8]] as const },
  {
    prompt: { ids: Int32Array.of(8, 9, 11), pictures: [] },
    count: 2,
    keys: [
      [9, 8],
      [11, 2],
    ] as const,
  },
];

const forms = ["whole", "segments"] as const;

describe.skipIf(xlaSetup() === null)("sampling in rounds (where `papo setup xla` has been run)", () => {
  const made: { readonly executor: Executor; readonly runtime: ModelRuntime; readonly engine: OnnxRolloutEngine }[] =
    [];

  beforeAll(async () => {
    const xla = forms.flatMap((loops) => [loadXla({ loops }), loadXla({ loops, devices: 3 })]);
    for (const executor of [new OnnxExecutor({ threads: 1 }), ...xla]) {
      const { config, weights } = await loadModelFolder(folder, (one) => createModel(one).parameters);
      const runtime = new ModelRuntime(createModel(config), weights, executor);
      // Few prompt tokens at once: prefixes of several runs are joined.
      made.push({ executor, runtime, engine: new OnnxRolloutEngine(runtime, { prefillTokens: 8 }) });
    }
  });
  afterAll(async () => {
    for (const { executor, runtime } of made) {
      await runtime.release();
      await executor.close?.();
    }
  });

  async function sampled(which: number, settings: Partial<SamplingSettings>): Promise<GeneratedResponse[]> {
    const responses: GeneratedResponse[] = [];
    await made[which]!.engine.generate(requests, { ...sampling, ...settings }, (response) => responses.push(response));
    return responses.sort((a, b) => a.request - b.request || a.index - b.index);
  }

  const devices = forms.flatMap(
    (form, i) =>
      [
        [`${form}, one device`, 1 + 2 * i],
        [`${form}, three devices`, 2 + 2 * i],
      ] as const,
  );
  describe.each(devices)("rounds in the form %s", (_, which) => {
    test.each<readonly [string, Partial<SamplingSettings>]>([
      ["the most likely tokens", { temperature: 0 }],
      ["draws, some tokens banned, some that stop", { stopTokens: [20, 33, 401, 77, 250], bannedTokens: [467, 3, 4] }],
      ["draws from the most likely ones at a temperature", { temperature: 0.7, topP: 0.6, topK: 40 }],
      ["draws within a share alone", { topP: 0.9 }],
      ["one token", { maxNewTokens: 1 }],
      ["tokens of two runs of rounds", { temperature: 0, maxNewTokens: 40 }],
    ])("give what the host's sampler gives: %s", async (_, settings) => {
      same(await sampled(which, settings), await sampled(0, settings));
    });

    test("free what a wave kept on the device", async () => {
      const { device } = made[which]!.executor as unknown as { device: { arrays: number } };
      await sampled(which, { temperature: 0 });
      const before = device.arrays;
      await sampled(which, { temperature: 0 });
      expect(device.arrays).toBe(before);
    });
  });

  function same(device: readonly GeneratedResponse[], host: readonly GeneratedResponse[]): void {
    expect(device.map(({ tokens, finish }) => ({ tokens, finish }))).toEqual(
      host.map(({ tokens, finish }) => ({ tokens, finish })),
    );
    device.forEach(({ logProbs, behaviourLogProbs }, i) => {
      expect(largestDifference(logProbs, host[i]!.logProbs)).toBeLessThan(2e-5);
      expect(largestDifference(behaviourLogProbs, host[i]!.behaviourLogProbs)).toBeLessThan(2e-5);
    });
  }
});
