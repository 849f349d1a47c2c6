/**
 * What is lost and saved by a masked pass that costs less: masked visual tokens left out instead of painted black,
 * products in 8 bits, half of the responses. `node --import tsx docs/scripts/measure-cheaper-mask.ts [steps]`.
 *
 * PAPO on GRPO on the embedded task, masks on merge units. Beside the painted view that the loss uses, each step's
 * responses are scored in the other ways, with the same units masked; compared are k3 of each token (at most 10, as in
 * the release) against the picture seen, and the seconds of the passes.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createRandom,
  learnerSettings,
  openJsonl,
  openPolicyInProcess,
  parseSettings,
  type Plugin,
  type Run,
  train,
} from "@papo/core";
import { type MaskOf, RandomMaskPlugin } from "@papo/plugins";
import { parseVariant } from "../../recipes/app/compare/variant.ts";
import { madePreset } from "../../recipes/presets/written-preset.ts";
import { writeDataset } from "../../recipes/app/tasks/shapes/dataset.ts";
import { ShapesRewardPlugin } from "../../recipes/app/tasks/shapes/reward-plugin.ts";
import { pictureGrids, startModelFolder } from "../../recipes/app/tasks/shapes/start-model.ts";

/** The same units in both views of a row. */
const mask: MaskOf = (cells, { row, step, picture }) => {
  const random = createRandom(1).key(row.id, step, picture);
  return Uint8Array.from({ length: cells }, (_, cell) => Number(random.uniform(cell) < 0.6));
};

const painted: number[] = [];
const dropped: number[] = [];
const rounded: number[] = [];
/** Relative error of a step's mean where half of each prompt's responses stand for all. */
const halves: number[] = [];
/** The last painted pass in 8 bits, [B, T]. */
let inInt8 = new Float32Array(0);

class ComparePlugin implements Plugin {
  readonly name = "ComparePlugin";

  apply(run: Run): void {
    new RandomMaskPlugin({ view: "dropped", on: "merge", fill: "drop", mask }).apply(run);
    const requests = ["masked", "dropped"].map((view) => run.scores.request({ view, weights: "old" }));
    run.hooks.advantages.tap(this.name, (advantages, batch) => {
      const [counts, seen, ...masked] = [
        batch.mask,
        batch.oldLogProbs,
        ...requests.map((request) => batch.get(request)),
      ].map((tensor) => tensor.dataSync());
      masked.push(inInt8);
      const first = painted.length;
      const [own, half] = [
        [0, 0],
        [0, 0],
      ];
      counts!.forEach((count, at) => {
        if (count === 0) return;
        [painted, dropped, rounded].forEach((list, i) => {
          const x = masked[i]![at]! - seen![at]!;
          list.push(Math.min(10, Math.exp(x) - x - 1));
        });
        const sums = Math.floor(at / batch.T) % 2 === batch.step % 2 ? [own, half] : [own];
        for (const sum of sums) [sum[0], sum[1]] = [sum[0]! + painted.at(-1)!, sum[1]! + 1];
      });
      if (painted.length > first) halves.push((2 * half[0]!) / own[0]! - 1);
      return advantages;
    });
  }
}

const ranks = (values: readonly number[]): number[] => {
  const order = [...values.keys()].sort((a, b) => values[a]! - values[b]!);
  const found = new Array<number>(values.length);
  order.forEach((index, rank) => (found[index] = rank));
  return found;
};
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
function correlation(x: readonly number[], y: readonly number[]): number {
  const [mx, my] = [mean(x), mean(y)];
  const product = (a: readonly number[], ma: number, b: readonly number[], mb: number): number =>
    a.reduce((sum, value, i) => sum + (value - ma) * (b[i]! - mb), 0);
  return product(x, mx, y, my) / Math.sqrt(product(x, mx, x, mx) * product(y, my, y, my));
}

const folder = mkdtempSync(join(tmpdir(), "dropped-mask-"));
const seconds = { painted: 0, dropped: 0, int8: 0 };
const { plugins, settings } = madePreset(parseVariant("papo:maskOn=merge"));
const chosen = { ...settings, steps: Number(process.argv[2] ?? 20), promptsPerMinibatch: null, checkpointEvery: 0 };
const policy = await openPolicyInProcess({ folder: startModelFolder, ...learnerSettings(parseSettings(chosen)) });
const score = policy.learner.score.bind(policy.learner);
const timed = async (kind: keyof typeof seconds, ...request: Parameters<typeof score>): ReturnType<typeof score> => {
  const before = performance.now();
  const result = await score(...request);
  seconds[kind] += (performance.now() - before) / 1000;
  return result;
};
policy.learner.score = async (batch, outputs, weights) => {
  if (batch.prompts.some((prompt) => prompt.dropped !== undefined)) return timed("dropped", batch, outputs, weights);
  const result = await timed("painted", batch, outputs, weights);
  inInt8 = (await timed("int8", batch, outputs, weights, "int8")).logProbs as Float32Array<ArrayBuffer>;
  return result;
};
try {
  const rows = await writeDataset(folder, { split: "train", seed: 4, count: chosen.steps * 16, grids: pictureGrids });
  const masking = plugins.map((plugin) =>
    plugin.name === "RandomMaskPlugin" ? new RandomMaskPlugin({ on: "merge", mask }) : plugin,
  );
  await train({
    policy,
    plugins: [new ShapesRewardPlugin(), ...masking, new ComparePlugin()],
    dataset: await openJsonl(rows),
    settings: chosen,
    output: join(folder, "run"),
  });
} finally {
  await policy.close();
  rmSync(folder, { recursive: true });
}
console.log(
  `${painted.length} tokens; KL_prcp painted ${mean(painted).toFixed(3)} nats, its passes ${seconds.painted.toFixed(2)} s`,
);
for (const [name, list, taken] of [
  ["left out", dropped, seconds.dropped],
  ["int8", rounded, seconds.int8],
] as const) {
  const errors = painted.map((value, i) => Math.abs(value - list[i]!));
  console.log(
    `${name}: KL_prcp ${mean(list).toFixed(3)}; per token |difference| mean ${mean(errors).toFixed(3)}, largest ${errors.reduce((a, b) => Math.max(a, b), 0).toFixed(2)}; rank correlation ${correlation(ranks(painted), ranks(list)).toFixed(3)}; passes ${taken.toFixed(2)} s`,
  );
}
console.log(
  `half of the responses: a step's mean is off by ${(100 * Math.sqrt(mean(halves.map((error) => error ** 2)))).toFixed(0)} % (root mean square over ${halves.length} steps)`,
);
