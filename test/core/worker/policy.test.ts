import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createRandom } from "../../../core/math/random.ts";
import type { EncodedPrompt } from "../../../core/model/model.ts";
import type { Picture } from "../../../core/model/processing/picture.ts";
import type { GeneratedResponse, GoOn, SamplingSettings } from "../../../core/rollout/engine.ts";
import { launchPolicy, openPolicy, openPolicyInProcess, type OpenPolicy } from "../../../core/worker/policy.ts";
import { requestFor, sampleAll } from "../rollout/support.ts";

const folder = fileURLToPath(new URL("../../golden/cases/models/tiny", import.meta.url));
const optimizer = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0.01, maxGradientNorm: 1, freeze: [] };
const options = { folder, optimizer, threads: 1 };

const noise = (source: string, width: number, height: number): Picture => {
  const random = createRandom(2).key(source);
  return {
    width,
    height,
    source,
    data: Uint8Array.from({ length: width * height * 3 }, (_, i) => 256 * random.uniform(i)),
  };
};

let far: OpenPolicy;
let near: OpenPolicy;
let prompts: EncodedPrompt[];
let sampling: SamplingSettings;
let scratch: string;

beforeAll(async () => {
  [far, near] = await Promise.all([
    openPolicy({ ...options, launched: launchPolicy({}) }),
    openPolicyInProcess(options),
  ]);
  const [a, b] = (await near.processor.encodePictures([noise("a", 56, 56), noise("b", 84, 56)])) as [
    EncodedPrompt["pictures"][0],
    EncodedPrompt["pictures"][0],
  ];
  const { processor } = near;
  const { stopTokens, bannedTokens } = processor;
  prompts = [
    processor.encodePrompt({ prompt: "Count.", system: null }, []),
    processor.encodePrompt({ prompt: "What is <image>?", system: null }, [a]),
    processor.encodePrompt({ prompt: "Compare.", system: "Be brief." }, [a, b]),
  ];
  sampling = { temperature: 1, topP: 0.99, topK: 0, maxNewTokens: 6, stopTokens, bannedTokens };
  scratch = await mkdtemp(join(tmpdir(), "policy-"));
});
afterAll(async () => {
  await Promise.all([far?.close(), near?.close()]);
  await rm(scratch, { recursive: true, force: true });
});

const batchOf = (responses: readonly GeneratedResponse[]) => ({
  prompts,
  rows: responses.map(({ request, tokens }) => ({ prompt: request, tokens })),
  temperature: 1,
});

describe("a policy in a thread", () => {
  it("does what the same policy in this thread does, through a step, a save and a load", async () => {
    const responses = await sampleAll(far.rollout, prompts, 2, sampling);
    expect(responses).toEqual(await sampleAll(near.rollout, prompts, 2, sampling));
    const batch = batchOf(responses);
    const results = [];
    for (const [name, { learner, rollout }] of Object.entries({ far, near })) {
      await learner.keep("reference");
      const before = await learner.score(batch, ["logProbs", "entropy"]);
      const cotangents = { logProbs: before.logProbs!.map(() => 0.1) };
      const returned = await learner.backward(batch, cotangents);
      expect(cotangents.logProbs.length).toBe(before.logProbs!.length);
      const report = await learner.step({ learningRate: 1e-2 });
      expect(learner.version).toBe(1);
      const after = await learner.score(batch, ["logProbs"]);
      await learner.save(join(scratch, name));
      await learner.backward(batch, cotangents);
      await learner.step({ learningRate: 1e-2 });
      expect(learner.version).toBe(2);
      await learner.load(join(scratch, name));
      expect(learner.version).toBe(1);
      results.push({
        before,
        returned,
        report,
        after,
        loaded: await learner.score(batch, ["logProbs"]),
        reference: await learner.score(batch, ["logProbs"], "reference"),
        sampled: await sampleAll(rollout, prompts, 2, sampling),
      });
      expect(existsSync(join(scratch, name, "model", "config.json"))).toBe(true);
    }
    expect(results[0]).toEqual(results[1]);
    const { before, after, loaded, reference } = results[0]!;
    expect(after.logProbs).not.toEqual(before.logProbs);
    expect(loaded.logProbs).toEqual(after.logProbs);
    expect(reference.logProbs).toEqual(before.logProbs);
  });

  it("keeps this thread free while it computes", async () => {
    let turns = 0;
    const timer = setInterval(() => turns++, 1);
    await sampleAll(far.rollout, prompts, 4, sampling);
    clearInterval(timer);
    expect(turns).toBeGreaterThan(3);
  });

  it("hands on errors of the far side with their place", async () => {
    const request = { prompt: prompts[0]!, count: 2, keys: [] };
    const error = await far.rollout
      .generate([request], sampling, () => undefined)
      .then(
        () => null,
        (thrown: unknown) => thrown as Error,
      );
    expect(error!.message).toBe("Request 0 asks for 2 responses and has 0 random keys: give one each");
    expect(error!.stack).toContain("onnx-engine.ts");
    await expect(far.learner.score(batchOf([]), ["logProbs"], "nobody")).rejects.toThrow(
      'no weights are kept as "nobody"',
    );
    expect((await sampleAll(far.rollout, prompts, 1, sampling)).length).toBe(3);
  });

  it("asks this thread what goes on after turns, and scores what was put into responses", async () => {
    const [shown] = await near.processor.encodePictures([noise("shown", 84, 84)]);
    const goOn: GoOn = (ended) =>
      Promise.resolve(
        ended.map(({ tokens }) =>
          tokens.length > 12
            ? null
            : {
                ids: near.processor.encodeReply!({ text: "<image> Look.", role: "user" }, [shown!]),
                pictures: [shown!],
              },
        ),
      );
    const talking = { ...sampling, maxNewTokens: 60, stopTokens: Array.from({ length: 30 }, (_, i) => 5 + i) };
    const results = [];
    for (const { rollout, learner } of [far, near]) {
      expect(rollout.turns).toBe(true);
      const responses: GeneratedResponse[] = [];
      await rollout.generate(
        prompts.map((prompt, index) => requestFor(prompt, 2, index)),
        talking,
        (response) => responses.push(response),
        { goOn },
      );
      responses.sort((a, b) => a.request - b.request || a.index - b.index);
      const rows = responses.map(({ request, tokens, logProbs }) => {
        const flags = Uint8Array.from(logProbs, (value, i) => (value === 0 && tokens[i] !== -1 ? 1 : 0));
        return { prompt: request, tokens, given: { flags, pictures: flags.includes(1) ? [shown!] : [] } };
      });
      results.push({ responses, scored: await learner.score({ prompts, rows, temperature: 1 }, ["logProbs"]) });
    }
    expect(results[0]).toEqual(results[1]);
    const [{ responses, scored }] = results as [(typeof results)[0]];
    expect(responses.some(({ logProbs }) => logProbs.includes(0))).toBe(true);
    const T = Math.max(...responses.map(({ tokens }) => tokens.length));
    for (const [b, { logProbs }] of responses.entries())
      logProbs.forEach((value, t) => expect(Math.abs(value - scored.logProbs![b * T + t]!)).toBeLessThanOrEqual(2e-5));
  });

  it("fails with what an answer to a turn failed with, and samples on afterwards", async () => {
    const failure = new Error("the server is gone");
    const talking = { ...sampling, maxNewTokens: 40, stopTokens: Array.from({ length: 30 }, (_, i) => 5 + i) };
    await expect(
      far.rollout.generate([requestFor(prompts[0]!, 2, 0)], talking, () => undefined, {
        goOn: () => Promise.reject(failure),
      }),
    ).rejects.toBe(failure);
    const endless = far.rollout.generate([requestFor(prompts[0]!, 2, 0)], talking, () => undefined, {
      goOn: () => new Promise(() => undefined),
      giveUp: AbortSignal.timeout(1),
    });
    await expect(endless).rejects.toThrow("aborted");
    expect((await sampleAll(far.rollout, prompts, 1, sampling)).length).toBe(3);
  });

  it("finishes earlier calls when it is closed, refuses later ones, and closes twice without harm", async () => {
    const policy = await openPolicy({ ...options, pictureBytes: 1 });
    const earlier = sampleAll(policy.rollout, prompts, 1, sampling);
    const closing = policy.close();
    expect((await earlier).length).toBe(3);
    await closing;
    await policy.close();
    await expect(policy.learner.step({ learningRate: 0 })).rejects.toThrow("The policy is closed");
  });

  it("with a sampler's thread beside it, samples from the weights of the moment it is asked", async () => {
    const policy = await openPolicy({ ...options, pipelined: "rollouts" });
    const local = await openPolicyInProcess(options);
    try {
      const first = await sampleAll(local.rollout, prompts, 2, sampling);
      const learn = async ({ learner }: OpenPolicy) => {
        await learner.backward(batchOf(first), {
          logProbs: new Float32Array(first.length * Math.max(...first.map(({ tokens }) => tokens.length))).fill(0.3),
        });
        await learner.step({ learningRate: 3e-2 });
      };
      const asked = sampleAll(policy.rollout, prompts, 2, sampling);
      await learn(policy);
      expect(await asked).toEqual(first);
      await learn(local);
      const second = await sampleAll(local.rollout, prompts, 2, sampling);
      expect(second).not.toEqual(first);
      const later = sampleAll(policy.rollout, prompts, 2, sampling);
      // The weights of now are on their way; these updates come after.
      await learn(policy);
      expect(await later).toEqual(second);
    } finally {
      await Promise.all([policy.close(), local.close()]);
    }
  });

  it("names what is wrong with a folder", async () => {
    await expect(openPolicy({ ...options, folder: scratch })).rejects.toThrow("config.json");
    await expect(openPolicy({ ...options, weights: join(scratch, "nowhere") })).rejects.toThrow("nowhere");
    await expect(
      openPolicyInProcess({ ...options, optimizer: { ...optimizer, freeze: ["no.such.*"] } }),
    ).rejects.toThrow("no.such.*");
  });
});

describe("the processor's port", () => {
  it("places pictures at their marks, and before the text those that have none", () => {
    const visual = (prompt: EncodedPrompt) => [...prompt.ids].filter((id) => id === 479).length;
    expect([...prompts.map(visual)]).toEqual([0, 4, 4 + 6]);
    const [picture] = prompts[1]!.pictures;
    const idsOf = (prompt: string) => near.processor.encodePrompt({ prompt, system: null }, [picture!]).ids;
    expect(idsOf("Hi")).toEqual(idsOf("<image>Hi"));
    expect(() => near.processor.encodePrompt({ prompt: "<image>Hi", system: null }, [])).toThrow(
      "1 <image> marks and 0 pictures",
    );
  });

  it("decodes without special tokens", () => {
    const [stop] = near.processor.stopTokens;
    expect(near.processor.decode(Int32Array.of(stop!))).toBe("");
  });
});
