import { describe, expect, test } from "vitest";
import { arrayDataset } from "../../../core/data/dataset.ts";
import { createHost } from "../../../core/host/host.ts";
import type { Environment } from "../../../core/contracts/registered/environment.ts";
import type { Batch } from "../../../core/contracts/step/batch.ts";
import { givenTokens, policyTokens, type Sample } from "../../../core/contracts/step/sample.ts";
import { train } from "../../../core/pipeline/run.ts";
import { evaluate } from "../../../core/pipeline/evaluate.ts";
import { BanditPlugin, ScorerPlugin, TapPlugin, temporaryFolder } from "../../support/bandit.ts";
import { placeholder, stop, tabularPolicy } from "../../support/tabular-policy.ts";

const letters = arrayDataset(["a", "b", "c", "d"].map((letter) => ({ id: letter, prompt: letter, answer: letter })));
const settings = {
  steps: 1,
  promptsPerStep: 4,
  samplesPerPrompt: 4,
  learningRate: 0.05,
  checkpointEvery: 0,
  sampling: { maxNewTokens: 30 },
};

/** Says a letter and the turn's own first one, twice at most. */
const echo = (changes: Partial<Environment> = {}): Environment => ({
  name: "echo",
  maxTurns: 3,
  reply: ({ text }) => ({ text: `f${text[0] ?? "a"}` }),
  ...changes,
});
const speaking = (environment: Environment): TapPlugin =>
  new TapPlugin(({ environments }) => void environments.register(environment));

/** One step; what it sampled, its batch, its metrics and alarms. */
async function step(environment: Environment, changes: object = {}) {
  const seen: {
    samples: Sample[];
    batch: Batch | null;
    mask: number[];
    alarms: string[];
    plan: readonly string[];
    metrics: Readonly<Record<string, number>>;
  } = { samples: [], batch: null, mask: [], alarms: [], plan: [], metrics: {} };
  const watching = new TapPlugin(({ hooks, environments }) => {
    environments.register(environment);
    hooks.advantages.tap("TapPlugin", (advantages, batch) => {
      [seen.batch, seen.mask] = [batch, [...batch.mask.dataSync()]];
      return advantages;
    });
  });
  await train({
    policy: tabularPolicy(),
    dataset: letters,
    output: temporaryFolder(),
    settings: { ...settings, ...changes },
    plugins: [new ScorerPlugin(), watching, new BanditPlugin()],
    onEvents: (events) => {
      events.on("response", ({ sample }) => seen.samples.push(sample));
      events.on("alarm", ({ message }) => seen.alarms.push(message));
      events.on("plan", ({ lines }) => (seen.plan = [...seen.plan, ...lines]));
      events.on("step", ({ metrics }) => (seen.metrics = metrics));
    },
  });
  return seen;
}

describe("responses of several turns", () => {
  test("hold the environment's words as its own, out of text, lengths, mask and log-probs", async () => {
    const { samples, batch, mask, metrics, plan } = await step(echo());
    const several = samples.filter(({ response }) => response.segments.length > 1);
    expect(several.length).toBeGreaterThan(8);
    for (const {
      response: { segments, tokens, text, rawText, logProbs, behaviourLogProbs, finish },
    } of samples) {
      expect(segments.map(({ source }) => source)).toEqual(
        segments.map((_, index) => (index % 2 === 0 ? "policy" : "environment")),
      );
      expect(segments.flatMap(({ tokens: own }) => [...own])).toEqual([...tokens]);
      expect(segments.length).toBeLessThanOrEqual(5);
      const turns = segments.filter(({ source }) => source === "policy");
      expect(text).toBe(turns.map((turn) => turn.text).join("\n"));
      expect(rawText).toBe(text);
      // Each turn keeps the token that ended it.
      for (const turn of turns.slice(0, -1)) expect(turn.tokens.at(-1)).toBe(stop);
      for (const [index, turn] of segments.entries())
        if (turn.source === "environment") expect(turn.text).toBe(`f${segments[index - 1]!.text[0] ?? "a"}`);
      expect(finish === "stop").toBe(tokens.at(-1) === stop && tokens.length < 30);
      const { flags } = givenTokens({ segments, tokens }) ?? { flags: new Uint8Array(tokens.length) };
      flags.forEach((flag, token) => flag === 1 && expect([logProbs[token], behaviourLogProbs[token]]).toEqual([0, 0]));
    }
    expect(Object.isFrozen(samples[0]!.response.segments)).toBe(true);
    const { B, T } = batch!;
    expect(mask).toEqual(
      batch!.samples.flatMap(({ response }) =>
        Array.from({ length: T }, (_, token) =>
          token < response.tokens.length && givenTokens(response)?.flags[token] !== 1 ? 1 : 0,
        ),
      ),
    );
    const own = samples.map(({ response }) => policyTokens(response).length);
    expect(metrics["rollout/length"]).toBeCloseTo(own.reduce((a, b) => a + b, 0) / B, 10);
    expect(metrics["rollout/environment_tokens"]).toBeCloseTo(
      samples.reduce((sum, { response }) => sum + response.tokens.length - policyTokens(response).length, 0) / B,
      10,
    );
    expect(metrics["rollout/turns"]).toBeCloseTo(
      samples.reduce((sum, { response }) => sum + (response.segments.length + 1) / 2, 0) / B,
      10,
    );
    // The mean −log π of what the policy wrote, of which the environment's words are no part.
    const likely = samples.reduce((sum, { response }) => sum + response.logProbs.reduce((a, b) => a + b, 0), 0);
    expect(metrics["rollout/entropy"]).toBeCloseTo(-likely / own.reduce((a, b) => a + b, 0), 6);
    expect(metrics["rollout/parity_max"]).toBeLessThanOrEqual(2e-5);
    expect(plan).toContain('environment "echo" by TapPlugin: responses of up to 3 turns');
    expect(
      plan.some((line) =>
        line.includes("16 responses sampled, each of up to 3 turns, with what echo answers between them"),
      ),
    ).toBe(true);
  });

  test("end as cut where the next words do not fit, which is said once", async () => {
    const { samples, alarms, metrics } = await step(echo({ reply: () => ({ text: "abcdef" }) }), {
      sampling: { maxNewTokens: 8 },
    });
    const cut = samples.filter(({ response: { tokens, finish } }) => finish === "length" && tokens.length < 8);
    expect(cut.length).toBeGreaterThan(0);
    expect(metrics["rollout/truncated"]).toBeGreaterThan(0);
    const said = alarms.filter((message) =>
      message.includes("sampling.maxNewTokens is for all turns and answers together"),
    );
    expect(said).toHaveLength(1);
    expect(said[0]).toMatch(
      /the 6 tokens that the environment "echo" answered with did not fit into a response of 8 tokens in which \d were written/,
    );
  });

  test("are asked of the first environment that answers, with randomness that follows from the turn", async () => {
    const draws: string[] = [];
    const first = (seen: string[]): Environment => ({
      name: "first",
      maxTurns: 2,
      reply: ({ prompt, response, turn, random }) => {
        seen.push(`${prompt.key} ${response} ${turn} ${random.uniform(0)}`);
        return turn === 1 && response % 2 === 0 ? { text: "a" } : null;
      },
    });
    const second: Environment = {
      name: "second",
      maxTurns: 4,
      reply: ({ turn, segments }) => (turn < 3 ? { text: "b".repeat(segments.length) } : null),
    };
    const run = async (seen: string[]) => {
      const samples: Sample[] = [];
      await train({
        policy: tabularPolicy(),
        dataset: letters,
        output: temporaryFolder(),
        settings: { ...settings, parityPrompts: 0 },
        plugins: [new ScorerPlugin(), speaking(first(seen)), new BanditPlugin(), labelledSpeaker(second)],
        onEvents: (events) => events.on("response", ({ sample }) => samples.push(sample)),
      });
      return samples;
    };
    const samples = await run(draws);
    for (const {
      response: { index, segments },
    } of samples) {
      const said = segments.filter(({ source }) => source === "environment").map(({ text }) => text);
      if (said.length > 0) expect(said[0]).toBe(index % 2 === 0 ? "a" : "b");
      if (said.length > 1) expect(said[1]).toBe("bbb");
      expect(said.length).toBeLessThan(3);
    }
    const again: string[] = [];
    await run(again);
    expect(again.sort()).toEqual(draws.sort());
    expect(new Set(draws.map((line) => line.split(" ")[3])).size).toBe(draws.length);
  });

  test("are evaluated with the environments that are given", async () => {
    const samples = await evaluate({
      policy: tabularPolicy(),
      rows: [{ id: "a", prompt: "a", system: null, images: [], answer: "", fields: {} }],
      scorers: [],
      environments: [echo()],
      samplesPerPrompt: 8,
      sampling: { temperature: 1, maxNewTokens: 30 },
    });
    expect(samples.some(({ response }) => response.segments.length > 1)).toBe(true);
  });
});

/** Another class, since a recipe lists each once. */
class SpeakerPlugin {
  readonly name = "SpeakerPlugin";
  readonly apply: TapPlugin["apply"];

  constructor(environment: Environment) {
    this.apply = ({ environments }) => void environments.register(environment);
  }
}
const labelledSpeaker = (environment: Environment): SpeakerPlugin => new SpeakerPlugin(environment);

describe("environments that say what they may not", () => {
  const picture = { width: 2, height: 2, source: "made", data: new Uint8Array(12).fill(9) };
  test.each([
    [
      "more tokens than they said",
      { maxReplyTokens: 3, reply: () => ({ text: "abcde" }) },
      /the environment "echo" answered row "[a-d]", response \d, turn 1, with 5 tokens; it was registered with maxReplyTokens 3: say less, or raise it/,
    ],
    [
      "more of pictures",
      { maxVisualTokens: 1, reply: () => ({ text: "<image><image>", pictures: [picture, picture] }) },
      /with pictures of 2 visual tokens; it was registered with maxVisualTokens 1/,
    ],
    [
      "pictures unannounced",
      { reply: () => ({ text: "", pictures: [picture] }) },
      /it was registered with maxVisualTokens 0/,
    ],
    [
      "nothing that is text",
      { reply: () => "a" as never },
      /TapPlugin.*environment "echo" \(reply\).*it returned the text "a"; return \{ text, pictures \}, or null for no answer/,
    ],
    [
      "marks without pictures",
      { reply: () => ({ text: "<image> <image>", pictures: [picture] }) },
      /2 <image> marks and 1 pictures/,
    ],
    [
      "in nobody's role",
      { reply: () => ({ text: "a", role: "system" as never }) },
      /the role "system" \(it is "user" or "tool"\)/,
    ],
    [
      "an error",
      {
        reply: () => {
          throw new Error("the server is gone");
        },
      },
      /TapPlugin.*the server is gone/,
    ],
  ])("%s", async (_, changes, message) => {
    await expect(step(echo(changes))).rejects.toThrow(message);
  });

  test("with turns that are none, or of a sampler that asks nobody", async () => {
    for (const [changes, message] of [
      [{ maxTurns: 1 }, /registers an environment with the maxTurns 1; it must be a whole number from 2/],
      [{ maxReplyTokens: 0 }, /maxReplyTokens 0; it must be a whole number from 1/],
      [{ reply: null as never }, /reply null; it must be a function/],
    ] as const)
      expect(() => createHost([speaking(echo(changes))], { seed: 1 })).toThrow(message);
    const policy = tabularPolicy();
    const alone = { ...policy, rollout: { generate: policy.rollout.generate.bind(policy.rollout) } };
    const run = train({
      policy: alone,
      dataset: letters,
      output: temporaryFolder(),
      settings,
      plugins: [speaking(echo()), new BanditPlugin()],
    });
    await expect(run).rejects.toThrow(
      'The environment "echo" cannot be asked: this sampler cannot be entered again after its words, as the embedded one can; change that, or leave its plugin out',
    );
  });
});

test("pictures that an environment gave are in the response, whatever stands in its prompt", async () => {
  const picture = { width: 2, height: 2, source: "made", data: new Uint8Array(12).fill(200) };
  const { samples } = await step(
    echo({ maxVisualTokens: 1, reply: () => ({ text: "a<image>", pictures: [picture] }) }),
  );
  const shown = samples.flatMap(({ response: { segments } }) =>
    segments.filter(({ source }) => source === "environment"),
  );
  expect(shown.length).toBeGreaterThan(8);
  for (const { tokens, text, pictures } of shown)
    expect([[...tokens], text, pictures!.length]).toEqual([[0, placeholder], "a<image>", 1]);
});
