import { createHost, createRandom } from "@papo/core";
import { expect, test } from "vitest";
import { drawsOf } from "../../../recipes/app/tasks/shapes/draws.ts";
import { kindOf, sampleItem } from "../../../recipes/app/tasks/shapes/questions.ts";
import { defaultGrid } from "../../../recipes/app/tasks/shapes/scene.ts";
import { vocabulary } from "../../../recipes/app/tasks/shapes/vocabulary.ts";
import { boxed, continuation, partsOf, wholeOf } from "../../../recipes/works/rl-of-thoughts/blocks.ts";
import { chancesOf, gradientOf, NavigatorPlugin, stateOf } from "../../../recipes/works/rl-of-thoughts/navigator.ts";
import { dialogueRow, questionRow, turnsOf } from "../../../recipes/works/rl-of-thoughts/write-rows.ts";

const question = "how many red plus circle ?";

test("a question in parts is led through them, and asked again after their answers", () => {
  expect(partsOf(question)).toEqual(["how many red ?", "how many circle ?"]);
  expect(partsOf("more red or blue ?")).toEqual(["how many red ?", "how many blue ?"]);
  expect(partsOf("how many red ?")).toBeNull();
  expect(continuation(question, ["how many red ?"], ["4", "2"])).toBe("how many circle ?");
  const said = ["how many red ?", "how many circle ?"];
  expect(continuation(question, said, ["4", "2", "3"])).toBe("red 2 , circle 3 ; how many red plus circle ?");
  expect(continuation(question, [...said, wholeOf(question, ["2", "3"])], ["4", "2", "3", "5"])).toBeNull();
  expect(continuation(question, ["more ?"], ["4", "5"])).toBeNull();
  expect([boxed("<think> </think> \\boxed{ red circle }"), boxed("<think>")]).toEqual(["red circle", "none"]);
  // What a model says at length has no room in a reply, which would end the run.
  expect(boxed(`\\boxed{ ${"red ".repeat(20)}}`)).toBe("none");
});

test("dialogues are in the blocks' words, the model's vocabulary, and end in the truth", () => {
  const item = sampleItem(drawsOf(createRandom(3)), {
    split: "train",
    kind: kindOf("sum_of_counts"),
    grid: defaultGrid,
  });
  const turns = turnsOf(item, "none");
  expect(turns.map(({ turns: said }) => said.length)).toEqual([1, 3, 3, 5, 7]);
  const [first, second] = turns.slice(2, 4).map(({ response }) => boxed(response)) as [string, string];
  const last = turns[4]!;
  expect(last.turns.at(-1)).toBe(wholeOf(item.question, [first, second]));
  expect([Number(first) + Number(second), boxed(last.response)]).toEqual([Number(item.answer), item.answer]);
  for (let index = 0; index < 40; index++) {
    const { prompt, columns } = dialogueRow(`d-${index}`, drawsOf(createRandom(4).key(index)));
    const words = [...prompt.map(({ content }) => content.replace("<image>", "")), columns!["response"] as string];
    for (const word of words.join(" ").split(" ")) expect(vocabulary).toContain(word);
    expect(typeof questionRow("q", drawsOf(createRandom(5).key(index))).prompt).toBe("string");
  }
});

test("the gradient is that of the log of the chosen block's chance", () => {
  const state = stateOf(question, ["more ?"], ["4", "4"]);
  expect(state.slice(0, 5)).toEqual([1, 1, 1, 1, 1]);
  const weights = [0.3, -0.2, 0.5].map((weight, block) =>
    state.map((_, index) => weight * Math.sin(1 + index + block)),
  );
  const chances = chancesOf(weights, state, question);
  expect(chances.reduce((a, b) => a + b, 0)).toBeCloseTo(1, 12);
  expect(chancesOf(weights, state, "how many red ?")[2]).toBe(0);
  const gradient = gradientOf({ state, chances, chosen: 2 }, 0.7);
  const [step, logOf] = [1e-6, (moved: typeof weights) => Math.log(chancesOf(moved, state, question)[2]!)];
  for (const [block, own] of weights.entries()) {
    for (const index of own.keys()) {
      const moved = (by: number) =>
        weights.map((row, b) => row.map((value, i) => (b === block && i === index ? value + by : value)));
      expect(gradient[block]![index]).toBeCloseTo((0.7 * (logOf(moved(step)) - logOf(moved(-step)))) / (2 * step), 6);
    }
  }
});

/** A made-up model that is right with this chance where so many words were said. */
async function learned(rightWith: (words: number) => number): Promise<Readonly<Record<string, number>>> {
  const plugin = new NavigatorPlugin({ cost: 0.02 });
  const host = createHost([plugin], { seed: 1 });
  const environment = host.environments.get("navigator")!;
  let metrics: Readonly<Record<string, number>> = {};
  for (let step = 1; step <= 60; step++) {
    host.beginStep({ step, steps: 60 });
    for (let group = 0; group < 4; group++) {
      const prompt = { key: `${step} ${group}`, row: { prompt: question } };
      const samples = [];
      for (let response = 0; response < 8; response++) {
        const random = createRandom(step).key(group, response);
        const segments: { source: string; text: string }[] = [{ source: "policy", text: "\\boxed{ 4 }" }];
        for (let turn = 1; turn < environment.maxTurns; turn++) {
          const said = await environment.reply({
            prompt,
            response,
            turn,
            text: "",
            segments,
            random: random.key(turn),
          } as never);
          if (said === null) break;
          segments.push({ source: "environment", text: said.text }, { source: "policy", text: "\\boxed{ 4 }" });
        }
        samples.push({
          response: { index: response, segments },
          right: Number(random.uniform(9) < rightWith((segments.length - 1) / 2)),
        });
      }
      await host.hooks.rewards.promise(
        samples.map(({ right }) => right),
        { key: prompt.key, prompt, samples, step } as never,
      );
    }
    metrics = host.takeMetrics();
    await host.hooks.stepped.promise({ step, metrics } as never);
  }
  return metrics;
}

test("it learns to lead where that helps, and to leave the answer where it does not", async () => {
  const helps = await learned((words) => (words >= 3 ? 0.95 : 0.3));
  expect(helps["navigator/words"]).toBeGreaterThan(2.5);
  const useless = await learned(() => 0.6);
  expect(useless["navigator/words"]).toBeLessThan(0.5);
});
