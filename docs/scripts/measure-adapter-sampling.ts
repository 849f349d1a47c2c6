/**
 * Sampling with an adapter: as two small products beside each weight, fed, or merged into the program's constants,
 * which are compiled anew after each update. `node --import tsx docs/scripts/measure-adapter-sampling.ts [bench|m44|…]
 * [tokens]`: 8 prompts × 4 responses.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, openPolicyInProcess, learnerSettings, parseSettings } from "@papo/core";
import { modelFolder } from "../../bench/models.ts";

const [name = "bench", tokens = "64"] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), "adapter-sampling-"));
const folder = await modelFolder(root, name);
const sampling = { temperature: 1, topP: 1, topK: 0, maxNewTokens: Number(tokens), stopTokens: [], bannedTokens: [] };
const requests = Array.from({ length: 8 }, (_, prompt) => ({
  prompt: { ids: Int32Array.from({ length: 32 }, (_, i) => 100 + ((37 * prompt + 11 * i) % 900)), pictures: [] },
  count: 4,
  keys: Array.from({ length: 4 }, (_, n) => createRandom(1).key(prompt, n).words),
}));
const batch = {
  prompts: [requests[0]!.prompt],
  rows: [{ prompt: 0, tokens: Int32Array.of(101, 102) }],
  temperature: 1,
};

const open = (lora: object | null) =>
  openPolicyInProcess({ folder, threads: 2, ...learnerSettings(parseSettings({ lora })) });
const side = async (label: string, lora: object | null) => ({
  label,
  policy: await open(lora),
  same: [] as number[],
  updated: [] as number[],
});
const sides = [await side("merged into constants", null), await side("beside the weights", {})];
const sample = async ({ policy }: (typeof sides)[number]): Promise<number> => {
  const start = performance.now();
  await policy.rollout.generate(requests, sampling, () => undefined);
  return (performance.now() - start) / 1000;
};
for (const each of sides) await sample(each);
// In turn, so that what else the machine does falls on both.
for (let round = 0; round < 5; round++) {
  for (const each of sides) {
    const { learner } = each.policy;
    each.same.push(await sample(each));
    await learner.backward(batch, { logProbs: Float32Array.of(-1, -1) });
    await learner.step({ learningRate: 1e-6 });
    each.updated.push(await sample(each));
  }
}
const median = (values: number[]): string => values.sort((a, b) => a - b)[2]!.toFixed(3);
for (const { label, same, updated, policy } of sides) {
  console.log(
    `${name}, ${label}: median of 5, ${median(same)} s with the same weights, ${median(updated)} s after an update`,
  );
  await policy.close();
}
rmSync(root, { recursive: true });
