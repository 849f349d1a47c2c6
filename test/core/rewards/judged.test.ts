import { expect, test } from "vitest";
import { createRowOrder } from "../../../core/data/row-order.ts";
import { createHost } from "../../../core/host/host.ts";
import { collectGroups, startCollecting, type Collected } from "../../../core/pipeline/step/collect.ts";
import type { JudgedGroup } from "../../../core/contracts/step/batch.ts";
import type { Run } from "../../../core/contracts/plugin.ts";
import { RewardDesk } from "../../../core/rewards/rewards.ts";
import { tokensUntil } from "../../../core/scores/target-tokens.ts";
import { parseSettings } from "../../../core/contracts/settings.ts";
import { banditSettings, letterRows, ScorerPlugin, TapPlugin } from "../../support/bandit.ts";
import { tabularPolicy, tabularProcessor } from "../../support/tabular-policy.ts";

const policy = tabularPolicy();

/** One round; `onGroup` is called in the hook `rewards`. */
async function collect(
  apply: (run: Run) => (group: JudgedGroup) => void,
  coefficients: Record<string, number> = {},
): Promise<Collected> {
  const host = createHost(
    [
      new ScorerPlugin(),
      new TapPlugin((run) => {
        const onGroup = apply(run);
        run.hooks.coefficient.tap("TapPlugin", (value, { name }) => coefficients[name] ?? value);
        run.hooks.rewards.tapPromise("TapPlugin", (rewards, group) => {
          onGroup(group);
          return Promise.resolve(rewards);
        });
      }),
    ],
    { seed: 1 },
  );
  host.beginStep({ step: 1, steps: 2 });
  for (const name of host.copies.keys()) await policy.learner.keep(name);
  const desk = new RewardDesk([...host.scorers.values()], 8);
  const collecting = {
    policy,
    host,
    settings: parseSettings(banditSettings),
    order: createRowOrder(letterRows, host.random.key("rows")),
    datasetSize: letterRows.size,
    desk,
  };
  return collectGroups(await startCollecting({ step: 1, steps: 2 }, collecting), collecting);
}

test("scores before rewards are the sampler's own log-probs, one array per response", async () => {
  let compared = 0;
  await collect(({ scores }) => {
    const old = scores.request({ weights: "old", stage: "rewards" });
    return (group) =>
      group.get(old).forEach((logProbs, index) => {
        const { response } = group.samples[index]!;
        expect(logProbs.length).toBe(response.tokens.length);
        logProbs.forEach((value, token) => expect(value).toBeCloseTo(response.logProbs[token]!, 5));
        compared++;
      });
  });
  expect(compared).toBe(24);
});

test("a target is scored after the given part of the response, under the weights asked for", async () => {
  const answer = tabularProcessor.encodeText("abc");
  const compared: Promise<void>[] = [];
  await collect(({ scores, copies }) => {
    copies.register({ name: "slow", decay: 0.9, every: 2 });
    const target = {
      name: "answer",
      of: ({ response }: { response: { tokens: Int32Array } }) => ({
        given: Math.min(1, response.tokens.length),
        tokens: answer,
      }),
    };
    const handle = scores.request({ weights: "slow", stage: "rewards", target });
    return (group) => {
      for (const [index, logProbs] of group.get(handle).entries()) {
        expect(logProbs.length).toBe(3);
        const whole = {
          prompts: [group.prompt.views.get("original")!],
          rows: [{ prompt: 0, tokens: Int32Array.of(group.samples[index]!.response.tokens[0]!, ...answer) }],
          temperature: 1,
        };
        compared.push(
          policy.learner
            .score(whole, ["logProbs"], "slow")
            .then(({ logProbs: wanted }) => logProbs.forEach((value, t) => expect(value).toBe(wanted![1 + t]))),
        );
      }
    };
  });
  expect(compared).toHaveLength(24);
  await Promise.all(compared);
});

test("while its coefficient is 0 nothing is computed and the arrays are empty", async () => {
  const before = policy.learner.calls.score;
  await collect(
    ({ scores, coefficient }) => {
      const handle = scores.request({ weights: "old", stage: "rewards", while: coefficient("off", 1) });
      return (group) => expect(group.get(handle).map(({ length }) => length)).toEqual([0, 0, 0, 0, 0, 0]);
    },
    { off: 0 },
  );
  expect(policy.learner.calls.score).toBe(before);
});

test("a score of the experience cannot be read before rewards", async () => {
  const run = collect(({ scores }) => {
    const handle = scores.request({ weights: "reference" });
    return (group) => void group.get(handle);
  });
  await expect(run).rejects.toThrow(
    'The scores "original/reference/logProbs" were asked for in the stage "experience"; the hook "rewards" reads those of the stage "rewards"',
  );
});

test("auxiliary prompts are sampled and judged in one call, for those samples that have one", async () => {
  const before = policy.learner.calls.generate;
  const { auxiliary } = await collect(({ auxiliary: registry }) => {
    registry.register({
      name: "again",
      samples: 2,
      maxNewTokens: 1,
      prompt: ({ response, prompt: { pictures } }) =>
        response.index === 0 ? null : { prompt: "b", system: null, pictures },
    });
    return (group) => {
      const given = group.auxiliary("again");
      expect(given.map(({ length }) => length)).toEqual([0, 2, 2, 2, 2, 2]);
      for (const sample of given.flat()) {
        expect(sample.response.tokens.length).toBe(1);
        // Judged by the recipe's scorer against the row it belongs to, whose prompt it now is.
        expect(sample.parts["match"]).toBe(Number(sample.response.text[0] === "b"));
        expect(sample.prompt.row.answer).toBe(group.prompt.row.answer);
      }
      expect(() => group.auxiliary("other")).toThrow('There is no auxiliary rollout "other"; registered are again');
    };
  });
  expect(policy.learner.calls.generate - before).toBe(2);
  expect(auxiliary).toHaveLength(4 * 5 * 2);
});

test("the first tokens that hold a text are found, wherever it lies in them", () => {
  const tokens = tabularProcessor.encodeText("abcdef");
  expect(["a", "cd", "f", "abcdef"].map((marker) => tokensUntil(tokens, marker, tabularProcessor))).toEqual([
    1, 4, 6, 6,
  ]);
  expect(tokensUntil(tokens, "ca", tabularProcessor)).toBeNull();
  expect(tokensUntil(new Int32Array(0), "a", tabularProcessor)).toBeNull();
});

test("an auxiliary rollout is answered by the environments that it names", async () => {
  const turnsOf = async (environments?: readonly string[]) => {
    const turns: string[][] = [];
    await collect(({ auxiliary, environments: registry }) => {
      registry.register({ name: "silent", maxTurns: 2, reply: () => null });
      registry.register({ name: "echo", maxTurns: 3, reply: ({ text }) => ({ text: `f${text[0] ?? "a"}` }) });
      auxiliary.register({
        name: "again",
        samples: 2,
        ...(environments && { environments }),
        prompt: ({ prompt: { row, pictures } }) => ({ prompt: row.prompt, system: null, pictures }),
      });
      return (group) => {
        for (const { response } of group.auxiliary("again").flat()) {
          turns.push(response.segments.filter(({ source }) => source === "environment").map(({ text }) => text));
          expect(response.segments.flatMap(({ tokens }) => [...tokens])).toEqual([...response.tokens]);
        }
      };
    });
    return turns;
  };
  const several = await turnsOf(["silent", "echo"]);
  expect(several).toHaveLength(48);
  expect(several.filter((said) => said.length > 0).length).toBeGreaterThan(8);
  expect(several.flat().every((text) => /^f[a-z]$/.test(text))).toBe(true);
  for (const none of [await turnsOf(), await turnsOf(["silent"])]) expect(none.flat()).toEqual([]);
});
