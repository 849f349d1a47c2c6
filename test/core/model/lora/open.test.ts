import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { mergeAdapters } from "../../../../core/model/lora/merge-folder.ts";
import { learnerSettings, parseSettings, type RunSettingsInput } from "../../../../core/contracts/settings.ts";
import { type OpenPolicy, openPolicyInProcess } from "../../../../core/worker/policy.ts";
import { largestDifference } from "../../../golden/support.ts";
import { newFolder, removeFolders, tinyModel } from "../../../trust/support.ts";

const [patterns, vision] = ["patterns", "vision"].map((name) =>
  fileURLToPath(new URL(`../../../golden/cases/lora/adapters/${name}`, import.meta.url)),
) as [string, string];
const policies: OpenPolicy[] = [];
afterAll(async () => {
  for (const policy of policies) await policy.close();
  removeFolders();
});

async function open(folder: string, lora: RunSettingsInput["lora"] = null): Promise<OpenPolicy> {
  const policy = await openPolicyInProcess({ folder, threads: 1, ...learnerSettings(parseSettings({ lora })) });
  policies.push(policy);
  return policy;
}

const batch = {
  prompts: [{ ids: Int32Array.of(5, 6, 7), pictures: [] }],
  rows: [{ prompt: 0, tokens: Int32Array.of(11, 12, 13, 14) }],
  temperature: 1,
};
const scores = async ({ learner }: OpenPolicy, weights?: string): Promise<Float32Array> =>
  (await learner.score(batch, ["logProbs"], weights)).logProbs!;
const bar = 2e-5;

test("a start on top of a fixed adapter: the policy is both, the reference without the trained one, or as the run began, or another adapter", async () => {
  const folder = newFolder();
  await mergeAdapters(join(folder, "both"), { base: tinyModel, adapters: [patterns, vision] });
  await mergeAdapters(join(folder, "fixed"), { base: tinyModel, adapters: [vision] });
  const [both, fixed] = [
    await scores(await open(join(folder, "both"))),
    await scores(await open(join(folder, "fixed"))),
  ];
  expect(largestDifference(both, fixed)).toBeGreaterThan(0.01);
  for (const [reference, expected] of [
    ["base", fixed],
    ["start", both],
    [patterns, both],
  ] as const) {
    const policy = await open(tinyModel, { start: patterns, fixed: [vision], reference, dropout: 0 });
    expect(largestDifference(await scores(policy), both)).toBeLessThanOrEqual(bar);
    await policy.learner.keep("reference");
    await policy.learner.backward(batch, { logProbs: new Float32Array(4).fill(-1) });
    await policy.learner.step({ learningRate: 1e-2 });
    expect(largestDifference(await scores(policy, "reference"), expected)).toBeLessThanOrEqual(bar);
    expect(largestDifference(await scores(policy), both)).toBeGreaterThan(0.01);
  }
});

test("a new adapter changes nothing until it is trained", async () => {
  const [base, adapted] = [await open(tinyModel), await open(tinyModel, {})];
  expect(await scores(adapted)).toEqual(await scores(base));
  const { parameters, trained } = adapted.learner.capabilities;
  expect(parameters).toBe(base.learner.capabilities.parameters + trained);
});
