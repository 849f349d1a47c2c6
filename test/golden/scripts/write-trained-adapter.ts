/**
 * Train an adapter of a golden model for two steps and write what check_in_peft.py compares: <folder>/adapter and
 * <folder>/scores.json.
 *
 * usage: node --import tsx test/golden/scripts/write-trained-adapter.ts <folder> [lora settings as JSON] [model folder,
 * default the tiny one]
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { learnerSettings, openPolicyInProcess, parseSettings, type RunSettingsInput } from "@papo/core";

const tiny = fileURLToPath(new URL("../cases/models/tiny", import.meta.url));
const [target = "", lora = "{}", base = tiny] = process.argv.slice(2);
const settings = parseSettings({ lora: JSON.parse(lora) as RunSettingsInput["lora"] });
const policy = await openPolicyInProcess({ folder: base, ...learnerSettings(settings) });
const [prompt, response] = [
  [5, 6, 7, 8, 9],
  [11, 12, 13, 14, 15, 16],
];
const batch = {
  prompts: [{ ids: Int32Array.from(prompt), pictures: [] }],
  rows: [{ prompt: 0, tokens: Int32Array.from(response) }],
  temperature: 1,
};
for (let step = 0; step < 2; step++) {
  await policy.learner.backward(batch, { logProbs: new Float32Array(response.length).fill(-1) });
  await policy.learner.step({ learningRate: 1e-2 });
}
mkdirSync(target, { recursive: true });
await policy.learner.save(resolve(target), "export");
const { logProbs } = await policy.learner.score(batch, ["logProbs"]);
writeFileSync(join(target, "scores.json"), JSON.stringify({ base, prompt, response, logProbs: [...logProbs!] }));
await policy.close();
