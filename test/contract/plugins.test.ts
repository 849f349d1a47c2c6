import type { Plugin } from "@papo/core";
import * as everything from "@papo/plugins";
import { describe, expect, it } from "vitest";
import { testPlugin } from "./plugin-contract.ts";

/** Every plugin that trains, in its modes. */
const makers: readonly (() => Plugin)[] = [
  () => new everything.GroupAdvantagePlugin(),
  () => new everything.ClippedObjectivePlugin(),
  () => new everything.ReferenceKlPlugin(),
  () => new everything.DynamicSamplingPlugin(),
  () => new everything.OverlongPenaltyPlugin({ maxLength: 20, cache: 5 }),
  () => new everything.RandomMaskPlugin(),
  () => new everything.PerceptionKlPlugin(),
  () => new everything.PerceptionKlPlugin({ mode: "paper" }),
  () => new everything.DoubleEntropyPlugin(),
  () => new everything.DoubleEntropyPlugin({ mode: "paper" }),
  () => new everything.CollapseDetectorPlugin(),
  () => new everything.EntropyPenaltyPlugin(),
  () => new everything.EntropyPenaltyPlugin({ estimate: "full" }),
  () => new everything.FunctionRewardPlugin({ name: "one", score: () => 1 }),
  () => new everything.BoxedAnswerRewardPlugin(),
  () => new everything.FormatRewardPlugin(),
];

describe.each(makers.map((make) => [`${make().name} ${JSON.stringify((make() as unknown as { options: unknown }).options)}`, make] as const))("%s", (_name, make) => {
  testPlugin(make);
});

describe("PerceptionProbePlugin", () => {
  testPlugin(() => new everything.PerceptionProbePlugin(), { trains: false });
});

/** The first is above; the other writes files, and its own tests cover it. */
const OBSERVERS = ["PerceptionProbePlugin", "RunLogPlugin"];

it("covers every plugin of the package", () => {
  const classes = Object.keys(everything).filter((key) => key.endsWith("Plugin") && !OBSERVERS.includes(key));
  expect(new Set(makers.map((make) => make().name))).toEqual(new Set(classes));
});
