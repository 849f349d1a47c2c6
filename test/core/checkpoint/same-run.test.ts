import { expect, test } from "vitest";
import type { Checkpoint, RunDescription } from "../../../core/checkpoint/checkpoint.ts";
import { assertSameRun, describeRun } from "../../../core/checkpoint/same-run.ts";
import { parseOptions } from "../../../core/options/options.ts";
import type { Plugin } from "../../../core/contracts/plugin.ts";
import { parseSettings } from "../../../core/contracts/settings.ts";
import { z } from "zod";

const description: RunDescription = {
  settings: parseSettings(),
  plugins: [{ name: "OnePlugin", options: { weight: 1 } }],
  dataset: { name: "rows", size: 3 },
};
const checkpointOf = (saved: unknown): Checkpoint => ({
  folder: "runs/one/checkpoints/step-1",
  state: { step: 1, position: { epoch: 1, index: 2 }, skippedRows: 0, plugins: {}, coefficients: {} },
  description: saved as RunDescription,
});

test("a changed setting, option, plugin order or dataset is named; how often to save, and limits of time, may change", () => {
  const checkpoint = checkpointOf(description);
  const settings = parseSettings({ checkpointEvery: 3, keepCheckpoints: 7, hookSeconds: 5 });
  expect(() => assertSameRun(checkpoint, { ...description, settings })).not.toThrow();
  const refuse = (changes: Partial<RunDescription>) =>
    expect(() => assertSameRun(checkpoint, { ...description, ...changes }));
  refuse({ settings: parseSettings({ sampling: { topP: 0.5 } }) }).toThrow("settings.sampling.topP: 1 → 0.5");
  refuse({ plugins: [{ name: "OnePlugin", options: { weight: 2 } }] }).toThrow("plugins.0 OnePlugin.weight: 1 → 2");
  refuse({ plugins: [{ name: "OtherPlugin", options: null }] }).toThrow("plugins.0 OnePlugin.weight: 1 → absent");
  refuse({ dataset: { name: "rows", size: 4 } }).toThrow("dataset.size: 3 → 4");
  refuse({ settings: parseSettings({ steps: 1 }) }).not.toThrow();
});

test("other pictures and other start weights are named; versions before did not write their digests", () => {
  const known = {
    ...description,
    dataset: { ...description.dataset, digest: "d", pictures: "p" },
    weights: { model: "m", start: "s" },
  };
  const refuse = (changes: Partial<RunDescription>, saved: RunDescription = known) =>
    expect(() => assertSameRun(checkpointOf(saved), { ...known, ...changes }));
  refuse({}).not.toThrow();
  refuse({ dataset: { ...known.dataset, pictures: "q" } }).toThrow('dataset.pictures: "p" → "q"');
  refuse({ weights: { model: "n", start: "s" } }).toThrow('weights.model: "m" → "n"');
  refuse({ weights: { model: "m", start: "t" } }).toThrow('weights.start: "s" → "t"');
  refuse({}, description).not.toThrow();
  refuse({}, { ...known, dataset: { ...description.dataset, digest: "d" } }).not.toThrow();
  // Where a caller does not know its weights, they are not compared.
  const { weights: _weights, ...unknown } = known;
  expect(() => assertSameRun(checkpointOf(known), unknown)).not.toThrow();
});

const without = (settings: object, ...names: readonly string[]): object =>
  Object.fromEntries(Object.entries(settings).filter(([name]) => !names.includes(name)));

test("a setting that a saved run does not name is at its default, one that is known no longer is named", () => {
  const { sampling, optimizer } = description.settings;
  const saved = {
    ...without(description.settings, "hookSeconds", "pictures", "lora", "device", "checkpointType"),
    sampling: without(sampling, "topK"),
    optimizer: without(optimizer, "moments"),
  };
  const checkpoint = checkpointOf({ ...description, settings: saved });
  expect(() => assertSameRun(checkpoint, description)).not.toThrow();
  const other = parseSettings({ lora: {}, optimizer: { moments: "8bit" } });
  expect(() => assertSameRun(checkpoint, { ...description, settings: other })).toThrow(
    /settings\.optimizer\.moments: "float32" → "8bit"\n {2}settings\.lora: null → absent\n/,
  );
  const removed = checkpointOf({ ...description, settings: { ...saved, oldSetting: 3 } });
  expect(() => assertSameRun(removed, description)).toThrow(
    /neither run's:\n {2}settings\.oldSetting: 3 → absent\nSet/,
  );
});

const schema = z.strictObject({
  weight: z.number().default(1),
  unit: z.int().nullable().default(null),
  added: z.enum(["mean", "sum"]).default("mean"),
  judge: z.custom<() => number>((value) => typeof value === "function"),
});

class OnePlugin implements Plugin {
  readonly name = "OnePlugin";
  readonly formerDefaults = { unit: 4 };
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema>) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(): void {
    // Only its options matter here.
  }
}

test("an option that a saved run does not name is the plugin's default; former defaults mean the present ones", () => {
  const judge = (): number => 1;
  const resume = (saved: object, now: Omit<z.input<typeof schema>, "judge">) => () => {
    const plugins = [new OnePlugin({ ...now, judge })];
    const checkpoint = checkpointOf({ ...description, plugins: [{ name: "OnePlugin", options: saved }] });
    assertSameRun(checkpoint, describeRun(description.settings, plugins, description.dataset), plugins);
  };
  expect(resume({ weight: 2 }, { weight: 2 })).not.toThrow();
  expect(resume({ weight: 2, unit: 4 }, { weight: 2 })).not.toThrow();
  expect(resume({ weight: 2, unit: 4 }, { weight: 2, unit: 4 })).not.toThrow();
  expect(resume({ weight: 2 }, { weight: 2, added: "sum" })).toThrow('OnePlugin.added: "mean" → "sum"');
  expect(resume({ weight: 2, unit: 5 }, { weight: 2 })).toThrow("OnePlugin.unit: 5 → null");
  expect(resume({ weight: 2, unit: 4 }, { weight: 2, unit: 6 })).toThrow("OnePlugin.unit: null → 6");
  expect(resume({ weight: 2, gone: 1 }, { weight: 2 })).toThrow("OnePlugin.gone: 1 → absent");
});
