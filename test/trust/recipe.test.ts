import { afterAll, describe, expect, test } from "vitest";
import { ClippedObjectivePlugin, GroupAdvantagePlugin, PerceptionKlPlugin, RandomMaskPlugin } from "@papo/plugins";
import { grpo, papo } from "@papo/recipes";
import { parseSettings } from "../../core/contracts/settings.ts";
import { TapPlugin } from "../support/bandit.ts";
import { evenTokens, removeFolders, trainSmall } from "./support.ts";

afterAll(removeFolders);

describe("a recipe", () => {
  test("that asks for a view nobody makes is refused, with what to list", async () => {
    const { error } = await trainSmall({ plugins: [evenTokens(), ...grpo(), new PerceptionKlPlugin()] });
    expect(error).toMatch(
      /^PerceptionKlPlugin asks for the view "masked", and no plugin registers it: .*RandomMaskPlugin.* \(registered are "original"\)/,
    );
  });

  test("that lists a plugin twice, or two that make the same, is refused", async () => {
    const twice = await trainSmall({ plugins: [evenTokens(), ...grpo(), new GroupAdvantagePlugin()] });
    expect(twice.error).toBe(
      'The recipe lists GroupAdvantagePlugin twice; list it once, or give the second a label: labelled(new GroupAdvantagePlugin(…), "second")',
    );
    const sameView = new TapPlugin(({ views }) => views.register({ name: "masked", raw: (picture) => picture }));
    const { error } = await trainSmall({ plugins: [evenTokens(), ...papo(grpo()), sameView] });
    expect(error).toMatch(
      /TapPlugin registers the view "masked", which RandomMaskPlugin has registered; choose another name/,
    );
  });

  test("whose plugin throws, or gives a loss that is none, names plugin and hook and changes no weight", async () => {
    const throws = new TapPlugin(({ hooks }) =>
      hooks.advantages.tap("TapPlugin", () => {
        throw new Error("out of ideas");
      }),
    );
    const thrown = await trainSmall({ plugins: [evenTokens(), ...grpo(), throws] });
    expect(thrown.error).toMatch(
      /^Step 1 failed: TapPlugin failed in hook "advantages": out of ideas\n.*up to step 0 is safe in .*step-0/,
    );
    const poison = new TapPlugin(({ hooks }) => hooks.advantages.tap("TapPlugin", (advantages) => advantages.div(0)));
    const poisoned = await trainSmall({ plugins: [evenTokens(), ...grpo(), poison] });
    expect(poisoned.error).toMatch(
      /^Step 1 failed: TapPlugin failed in hook "advantages": it returned (NaN|-?Infinity) for sample \d, token \d; return a float32 tensor/,
    );
  });
});

describe("an option or setting", () => {
  test("of an unknown name is refused with the nearest known one", () => {
    expect(() => new ClippedObjectivePlugin({ clipHihg: 0.3 } as object)).toThrow(
      /ClippedObjectivePlugin: unknown option "clipHihg"; did you mean "clipHigh"\?/,
    );
    expect(() => papo(grpo(), { maskratio: 0.5 } as object)).toThrow(
      /papo: unknown option "maskratio"; did you mean "maskRatio"\?/,
    );
    expect(() => parseSettings({ learningrate: 1 } as object)).toThrow(
      /RunSettings: unknown option "learningrate"; did you mean "learningRate"\?/,
    );
    expect(() => parseSettings({ sampling: { topp: 1 } } as object)).toThrow(
      /unknown option "sampling\.topp"; did you mean "topP"\?/,
    );
  });

  test("of a value out of range is refused with the value and the range", () => {
    expect(() => new RandomMaskPlugin({ ratio: 60 })).toThrow(
      /RandomMaskPlugin: the option "ratio" is 60, allowed is at most 1/,
    );
    expect(() => parseSettings({ learningRate: NaN })).toThrow(/"learningRate" is NaN/);
    expect(() => parseSettings({ learningRate: Infinity })).toThrow(/"learningRate" is Infinity/);
    expect(() => parseSettings({ steps: 0 })).toThrow(/"steps" is 0, allowed is more than 0/);
    expect(() => parseSettings({ steps: "10" as never })).toThrow(/"steps" is "10", allowed is /);
    expect(() => parseSettings({ keepCheckpoints: 1 })).toThrow(/"keepCheckpoints" is 1, allowed is at least 2/);
  });

  test("to freeze what does not exist is refused with the names there are", async () => {
    const { error } = await trainSmall({ settings: { optimizer: { freeze: ["visual.**"] } } });
    expect(error).toMatch(/freeze: the pattern "visual\.\*\*" matches no parameter; names look like model\./);
  });
});
