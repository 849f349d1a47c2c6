import type { Plugin } from "@papo/core";
import { createHost, identityOf, parseSettings } from "@papo/core";
import { describe, expect, it } from "vitest";
import { dapo } from "../../../recipes/dapo.ts";
import { grpo } from "../../../recipes/grpo.ts";
import { papo } from "../../../recipes/papo.ts";
import { preset, presetNames } from "../../../recipes/presets/index.ts";

const names = (plugins: readonly Plugin[]): string[] => plugins.map(identityOf);
const optionsOf = (plugin: Plugin): unknown => ("options" in plugin ? plugin.options : null);

describe("recipes", () => {
  it("are arrays of plugins, and papo goes on either base", () => {
    expect(names(grpo())).toEqual(["GroupAdvantagePlugin", "ClippedObjectivePlugin", "ReferenceKlPlugin"]);
    expect(names(grpo({ referenceKl: 0 }))).toEqual(["GroupAdvantagePlugin", "ClippedObjectivePlugin"]);
    expect(names(dapo({ overlong: { maxLength: 20, cache: 4 } }))).toEqual([
      "OverlongPenaltyPlugin",
      "DynamicSamplingPlugin",
      "GroupAdvantagePlugin",
      "ClippedObjectivePlugin",
    ]);
    const added = ["RandomMaskPlugin", "PerceptionKlPlugin", "DoubleEntropyPlugin", "CollapseDetectorPlugin"];
    for (const base of [grpo(), dapo()]) expect(names(papo(base))).toEqual([...names(base), ...added]);
  });

  it("ask for the masked view as the mode says", () => {
    const scores = (mode: "official" | "paper") =>
      createHost(papo(grpo({ referenceKl: 0 }), { mode }), { seed: 1 })
        .scores()
        .map(({ key, gradient }) => ({ key, gradient }));
    expect(scores("official")).toEqual([{ key: "masked/old/logProbs", gradient: false }]);
    expect(scores("paper")).toEqual([{ key: "masked/current/logProbs", gradient: true }]);
  });

  it("reject options they do not know", () => {
    expect(() => grpo({ clipHi: 0.3 } as never)).toThrow('grpo: unknown option "clipHi"; did you mean "clipHigh"?');
    expect(() => papo([], { gama: 1 } as never)).toThrow('papo: unknown option "gama"; did you mean "gamma"?');
    expect(() => preset("papo", { mood: "paper" } as never)).toThrow(
      'papo: unknown option "mood"; did you mean "mode"?',
    );
    expect(() => preset("papo", { mode: "exact" } as never)).toThrow(
      'preset papo: "mode" is official or paper, not "exact"',
    );
    expect(() => preset("grpo", { gamma: 0.1 })).toThrow('preset grpo takes no option "gamma"');
    expect(() => preset("popo" as never)).toThrow('There is no preset "popo"; there are grpo-3b');
  });
});

describe("presets", () => {
  it.each(presetNames)("%s holds the numbers of its table row", (name) => {
    const { plugins, settings } = preset(name);
    expect({
      plugins: plugins.map((plugin) => ({ [identityOf(plugin)]: optionsOf(plugin) })),
      settings: parseSettings(settings),
    }).toMatchSnapshot();
  });

  it.each(presetNames)("%s can be applied, in both modes, with valid settings", (name) => {
    for (const mode of ["official", "paper"] as const) {
      const { plugins, settings } = preset(name, { mode });
      expect(createHost(plugins, { seed: 1 }).plugins).toEqual(names(plugins));
      expect(() => parseSettings(settings)).not.toThrow();
    }
  });
});
