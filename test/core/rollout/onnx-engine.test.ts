import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Executor, Program } from "../../../core/graph/executor.ts";
import { OnnxExecutor } from "../../../core/graph/onnx/executor.ts";
import { GraphLearner } from "../../../core/learner/graph-learner.ts";
import { createRandom } from "../../../core/math/random.ts";
import { loadModelFolder } from "../../../core/model/files/folder.ts";
import type { EncodedPrompt } from "../../../core/model/model.ts";
import { Processor } from "../../../core/model/processing/processor.ts";
import { createModel } from "../../../core/model/registry.ts";
import { ModelRuntime } from "../../../core/model/runtime.ts";
import type { GeneratedResponse, SamplingSettings } from "../../../core/rollout/engine.ts";
import { OnnxRolloutEngine } from "../../../core/rollout/onnx-engine.ts";
import { collect, requestFor, sampleAll } from "./support.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));

/** The real executor, counting what is alive. */
class CountingExecutor implements Executor {
  readonly name = "counting";
  live = 0;
  compiled = 0;
  readonly #inner = new OnnxExecutor({ threads: 2 });

  async compile(...args: Parameters<Executor["compile"]>): Promise<Program> {
    const program = await this.#inner.compile(...args);
    this.live++;
    this.compiled++;
    return {
      run: (feeds) => program.run(feeds),
      release: async () => {
        await program.release();
        this.live--;
      },
    };
  }
}

const executor = new CountingExecutor();
let runtime: ModelRuntime;
let prompts: EncodedPrompt[];
let sampling: SamplingSettings;

beforeAll(async () => {
  const { config, weights } = await loadModelFolder(folder, (found) => createModel(found).parameters);
  runtime = new ModelRuntime(createModel(config), weights, executor);
  const processor = await Processor.load(folder);
  const random = createRandom(3);
  const draw = (name: string, width: number, height: number) => ({
    width,
    height,
    source: name,
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => 256 * random.key(name).uniform(i)),
  });
  const [small, wide] = [
    processor.encodePicture(draw("small", 56, 56)),
    processor.encodePicture(draw("wide", 140, 60)),
  ];
  const ask = (prompt: string, ...pictures: (typeof small)[]) => processor.encodePromptWith({ prompt }, pictures);
  prompts = [
    ask("What is 12 + 30?"),
    ask("<image>Name the shape, its colour and its place in the picture, please.", small),
    ask("Compare <image> with <image>.", wide, small),
    ask("Count."),
    ask("<image>Read the number.", wide),
  ];
  sampling = {
    temperature: 0.8,
    topP: 0.95,
    topK: 0,
    maxNewTokens: 40,
    stopTokens: [5, 6, 7, 8, 9, 10, 11, 12],
    bannedTokens: processor.bannedTokens,
  };
});
afterAll(() => runtime.release());

/** Everything but floats, which may differ in the last bit from one batch to another. */
const choices = (responses: readonly GeneratedResponse[]) =>
  responses.map(({ request, index, tokens, finish }) => ({ request, index, tokens: [...tokens], finish }));

const largest = (
  a: readonly GeneratedResponse[],
  b: readonly GeneratedResponse[],
  key: "logProbs" | "behaviourLogProbs",
) => Math.max(...a.flatMap((response, i) => [...response[key]].map((value, t) => Math.abs(value - b[i]![key][t]!))));

describe("what is sampled", () => {
  it("gives each response once, ended by a stop token or the limit, without banned tokens", async () => {
    const responses = await sampleAll(new OnnxRolloutEngine(runtime), prompts, 4, sampling);
    expect(responses.map(({ request, index }) => [request, index])).toEqual(
      prompts.flatMap((_, request) => [0, 1, 2, 3].map((index) => [request, index])),
    );
    expect(new Set(responses.map(({ finish }) => finish))).toEqual(new Set(["stop", "length"]));
    for (const { tokens, logProbs, behaviourLogProbs, finish } of responses) {
      const inner = [...tokens.subarray(0, -1)];
      expect(inner.some((token) => sampling.stopTokens.includes(token) || sampling.bannedTokens.includes(token))).toBe(
        false,
      );
      expect(sampling.stopTokens.includes(tokens.at(-1)!)).toBe(finish === "stop");
      if (finish === "length") expect(tokens.length).toBe(sampling.maxNewTokens);
      expect([logProbs.length, behaviourLogProbs.length]).toEqual([tokens.length, tokens.length]);
      expect(behaviourLogProbs.every((value, t) => value <= 0 && value >= logProbs[t]!)).toBe(true);
    }
    expect(new Set(responses.map(({ tokens }) => tokens.join())).size).toBeGreaterThan(15);
  });

  it("has the learner's log-probs to 2e-5, at the sampling temperature", async () => {
    const responses = await sampleAll(new OnnxRolloutEngine(runtime), prompts, 4, sampling);
    const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, maxGradientNorm: 1, freeze: [] };
    const learner = new GraphLearner(runtime, { optimizer, microbatchTokens: 8192 });
    const rows = responses.map(({ request, tokens }) => ({ prompt: request, tokens }));
    const { logProbs } = await learner.score({ prompts, rows, temperature: sampling.temperature }, ["logProbs"]);
    const T = Math.max(...responses.map(({ tokens }) => tokens.length));
    const errors = responses.flatMap((response, b) =>
      [...response.logProbs].map((value, t) => Math.abs(value - logProbs![b * T + t]!)),
    );
    expect(Math.max(...errors)).toBeLessThanOrEqual(2e-5);
  });

  it("streams a response before the others are done", async () => {
    const order: number[] = [];
    await new OnnxRolloutEngine(runtime).generate([requestFor(prompts[0]!, 8, 0)], sampling, ({ tokens }) =>
      order.push(tokens.length),
    );
    expect(order).toEqual([...order].sort((a, b) => a - b));
    expect(order[0]).toBeLessThan(order.at(-1)!);
  });

  it("needs no decode step for a limit of one token, and no work for no responses", async () => {
    const one = await sampleAll(new OnnxRolloutEngine(runtime), prompts, 2, { ...sampling, maxNewTokens: 1 });
    expect(one.map(({ tokens }) => tokens.length)).toEqual(one.map(() => 1));
    expect(await collect(new OnnxRolloutEngine(runtime), [], sampling)).toEqual([]);
    expect(await sampleAll(new OnnxRolloutEngine(runtime), prompts, 0, sampling)).toEqual([]);
  });
});

describe("what is sampled beside a response does not change it", () => {
  let together: GeneratedResponse[];
  beforeAll(async () => {
    together = await sampleAll(new OnnxRolloutEngine(runtime), prompts, 4, sampling);
  });

  it.each([
    ["few rows at a time", { rows: 3 }],
    ["a small cache", { cacheBytes: 400_000 }],
    ["prompts one by one", { prefillTokens: 1 }],
  ])("%s", async (_, options) => {
    const responses = await sampleAll(new OnnxRolloutEngine(runtime, options), prompts, 4, sampling);
    expect(choices(responses)).toEqual(choices(together));
    for (const key of ["logProbs", "behaviourLogProbs"] as const)
      expect(largest(responses, together, key)).toBeLessThan(1e-5);
  });

  it("each request alone, and requests in another order", async () => {
    const engine = new OnnxRolloutEngine(runtime);
    const requests = prompts.map((prompt, index) => requestFor(prompt, 4, index));
    const reversed = await collect(engine, [...requests].reverse(), sampling);
    const back = reversed
      .map((response) => ({ ...response, request: prompts.length - 1 - response.request }))
      .sort((a, b) => a.request - b.request);
    expect(choices(back)).toEqual(choices(together));
    for (const [index, request] of requests.entries()) {
      const alone = (await collect(engine, [request], sampling)).map((response) => ({ ...response, request: index }));
      expect(choices(alone)).toEqual(choices(together.filter((response) => response.request === index)));
    }
  });

  it("the same call again gives the same bits", async () => {
    expect(await sampleAll(new OnnxRolloutEngine(runtime), prompts, 4, sampling)).toEqual(together);
  });

  it("other counts per request", async () => {
    const counts = [1, 4, 3, 0, 2];
    const requests = prompts.map((prompt, index) => requestFor(prompt, counts[index]!, index));
    const responses = await collect(new OnnxRolloutEngine(runtime), requests, sampling);
    expect(choices(responses)).toEqual(choices(together.filter(({ request, index }) => index < counts[request]!)));
  });
});

describe("settings", () => {
  it("is greedy at temperature 0, whatever the keys", async () => {
    const greedy = { ...sampling, temperature: 0, maxNewTokens: 12 };
    const responses = await sampleAll(new OnnxRolloutEngine(runtime), prompts, 2, greedy);
    for (let b = 0; b < responses.length; b += 2) expect(responses[b]!.tokens).toEqual(responses[b + 1]!.tokens);
    expect(responses.every(({ behaviourLogProbs }) => behaviourLogProbs.every((value) => value === 0))).toBe(true);
    const single = await sampleAll(new OnnxRolloutEngine(runtime), prompts, 1, {
      ...sampling,
      topK: 1,
      maxNewTokens: 12,
    });
    expect(single.map(({ tokens }) => [...tokens])).toEqual(
      responses.filter(({ index }) => index === 0).map(({ tokens }) => [...tokens]),
    );
  });

  it("samples from the weights as they are now", async () => {
    const engine = new OnnxRolloutEngine(runtime);
    const before = await sampleAll(engine, prompts, 2, sampling);
    const norm = runtime.weights().get("model.language_model.norm.weight")!.data;
    const original = norm.slice();
    norm.forEach((value, i) => (norm[i] = 1.5 * value));
    runtime.changed();
    const during = await sampleAll(engine, prompts, 2, sampling);
    norm.set(original);
    runtime.changed();
    expect(choices(during)).not.toEqual(choices(before));
    expect(choices(await sampleAll(engine, prompts, 2, sampling))).toEqual(choices(before));
  });

  it("refuses requests and settings that cannot be sampled", async () => {
    const engine = new OnnxRolloutEngine(runtime);
    const [text, picture] = [prompts[0]!, prompts[1]!];
    await expect(collect(engine, [{ ...requestFor(text, 2, 0), count: 3 }], sampling)).rejects.toThrow(
      "Request 0 asks for 3 responses and has 2 random keys",
    );
    await expect(
      collect(engine, [requestFor({ ids: new Int32Array(), pictures: [] }, 1, 0)], sampling),
    ).rejects.toThrow("Request 0 has an empty prompt");
    await expect(
      collect(engine, [requestFor(text, 1, 0), requestFor({ ...picture, pictures: [] }, 1, 1)], sampling),
    ).rejects.toThrow("Request 1 cannot be sampled from");
    await expect(sampleAll(engine, [text], 1, { ...sampling, maxNewTokens: 0 })).rejects.toThrow("maxNewTokens is 0");
    await expect(sampleAll(engine, [text], 1, { ...sampling, topP: 2 })).rejects.toThrow("topP is 2");
  });

  it("names request, response and token when the model breaks, and goes on with the next call", async () => {
    const engine = new OnnxRolloutEngine(runtime);
    const norm = runtime.weights().get("model.language_model.norm.weight")!.data;
    const original = norm.slice();
    norm.fill(NaN);
    await expect(sampleAll(engine, prompts, 2, sampling)).rejects.toThrow(
      /Request \d, response 0, token 0: The probability of token 0 is NaN/,
    );
    norm.set(original);
    expect((await sampleAll(engine, prompts, 2, sampling)).length).toBe(10);
  });

  it("ends with the error of a listener", async () => {
    const failing = new OnnxRolloutEngine(runtime).generate([requestFor(prompts[0]!, 4, 0)], sampling, () => {
      throw new Error("the listener is full");
    });
    await expect(failing).rejects.toThrow("the listener is full");
  });
});

describe("what is held", () => {
  it("compiles each graph once for a hundred rollouts of changing sizes, and frees them", async () => {
    const fresh = new ModelRuntime(runtime.model, runtime.weights(), executor);
    const engine = new OnnxRolloutEngine(fresh, { rows: 5 });
    const [live, compiled] = [executor.live, executor.compiled];
    for (let round = 0; round < 100; round++) {
      const some = prompts.filter((_, index) => (round + index) % 3 !== 0);
      await sampleAll(engine, some, 1 + (round % 3), { ...sampling, maxNewTokens: 1 + (round % 4) });
    }
    expect(executor.compiled - compiled).toBe(3);
    expect(executor.live - live).toBe(3);
    await fresh.release();
    expect(executor.live).toBe(live);
  });

  it("compiles decoding anew for new weights, frees the old program, and samples from the new ones", async () => {
    const { weights } = await loadModelFolder(folder, (found) => createModel(found).parameters);
    const fresh = new ModelRuntime(runtime.model, weights, executor);
    const engine = new OnnxRolloutEngine(fresh);
    const [live, compiled] = [executor.live, executor.compiled];
    const tokens = async (): Promise<number[][]> =>
      (await sampleAll(engine, prompts.slice(0, 1), 2, { ...sampling, maxNewTokens: 6 })).map((response) => [
        ...response.tokens,
      ]);
    const before = await tokens();
    const down = weights.get("model.language_model.layers.0.mlp.down_proj.weight")!.data;
    down.forEach((value, i) => (down[i] = value + (i % 7) - 3));
    fresh.changed();
    const after = await tokens();
    expect(after).not.toEqual(before);
    expect([executor.compiled - compiled, executor.live - live]).toEqual([3, 2]);
    // A version that was there before, with other weights.
    down.forEach((value, i) => (down[i] = value - (i % 7) + 3));
    fresh.changed(0);
    expect(await tokens()).toEqual(before);
    await fresh.release();
  });
});
