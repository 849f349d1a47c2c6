/** Mistakes of what taps return: the error names plugin, hook, what was found and what to do. */
import { cast, fill, ones, scalar, tensor1d } from "@tensorflow/tfjs-core";
import { describe, expect, it } from "vitest";
import { asynchronous, hookNames, messageOf } from "../../../support/hook-mistakes.ts";

type Made = readonly [name: string, make: () => unknown];
const bad: readonly Made[] = [
  ["nothing", () => undefined],
  ["null", () => null],
  ["NaN", () => NaN],
  ["Infinity", () => Infinity],
  ["true", () => true],
  ["a text", () => "0.1"],
  ["a function", () => () => 1],
  ["a strange object", () => ({ bogus: 1 })],
  ["a list of what does not belong there", () => [{ bogus: 1 }, NaN, undefined, "x"]],
  ["a typed array", () => new Float32Array(7)],
  ["a tensor of the wrong shape", () => ones([1, 1])],
  ["a tensor of the wrong rank", () => tensor1d([1, 2, 3, 4, 5, 6])],
  ["a tensor of the wrong type", () => cast(ones([3, 2]), "int32")],
  ["a tensor of truths", () => cast(ones([3, 2]), "bool")],
  ["a tensor of NaN", () => fill([3, 2], NaN)],
  ["a tensor of infinities", () => fill([3, 2], -Infinity)],
  ["a scalar", () => scalar(1)],
  [
    "a disposed tensor",
    () => {
      const tensor = ones([3, 2]);
      tensor.dispose();
      return tensor;
    },
  ],
  ["a list with a tensor", () => [ones([3, 2])]],
];
/** What is right after all. */
const right: Readonly<Record<string, readonly string[]>> = { stepped: ["nothing"], ended: ["nothing"] };

describe.each(hookNames)("a tap of %s", (hook) => {
  it.each(bad.filter(([name]) => !(right[hook] ?? []).includes(name)))("that returns %s", async (_name, make) => {
    expect(await messageOf(hook, () => (asynchronous.includes(hook) ? Promise.resolve(make()) : make()))).toMatch(
      new RegExp(`^TapPlugin failed in hook "${hook}": it returned .+; return .+`),
    );
  });

  it.each([
    ["an object", { code: 1 }],
    ["nothing", undefined],
    ["null", null],
    ["a number", 7],
  ])("that throws %s", async (_name, thrown) => {
    const message = await messageOf(hook, () => {
      // eslint-disable-next-line @typescript-eslint/only-throw-error -- a careless plugin is what is tested
      throw thrown;
    });
    expect(message).toMatch(new RegExp(`^TapPlugin failed in hook "${hook}": it threw .+, which is no Error`));
  });
});

describe("an asynchronous tap", () => {
  it.each(asynchronous)("of %s that never answers has a limit", async (hook) => {
    expect(await messageOf(hook, () => new Promise(() => undefined))).toBe(
      `TapPlugin failed in hook "${hook}": it gave no answer within 0.02 s (the setting hookSeconds)`,
    );
  });

  it("that fails after its limit disturbs nobody", async () => {
    const late = (): Promise<never> =>
      new Promise((_resolve, reject) => setTimeout(() => reject(new Error("late")), 30));
    expect(await messageOf("stepped", late)).toContain("no answer within");
    await new Promise((resolve) => setTimeout(resolve, 40));
  });

  it("that leaves tensors in memory", async () => {
    expect(await messageOf("rewards", (rewards) => (ones([2]), Promise.resolve(rewards)))).toContain(
      "it left 1 tensor in memory, as it would in every step; wrap the work with tensors in tf.tidy",
    );
  });
});

describe("a tap that does not wait", () => {
  it.each(["coefficient", "rollout", "advantages", "terms", "weights"] as const)(
    "is told when it is async: %s",
    async (hook) => {
      expect(await messageOf(hook, async (value) => value)).toContain(
        "it returned a promise, and this hook does not wait; give it a function that is not async",
      );
    },
  );
});
