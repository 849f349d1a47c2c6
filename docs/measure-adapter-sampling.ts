/**
 * Sampling with an adapter: as two small products beside each weight, fed, or merged into the program's constants, which are compiled anew after each update.
 * `node --import tsx docs/measure-adapter-sampling.ts [bench|m44|…] [tokens]`: 8 prompts × 4 responses.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createRandom, openPolicyInProcess, learnerSettings, parseSettings } from "@papo/core";
import { modelFolder } from "../bench/models.ts";

const [name = "bench", tokens = "64"] = process.argv.slice(2);
const root = mkdtempSync(join(tmpdir(), "adapter-sampling-"));
const folder = await modelFolder(root, name);
const sampling = { temperature: 1, topP: 1, topK: 0, maxNewTokens: Number(tokens), stopTokens: [], bannedTokens: [] };
const requests = Array.from({ length: 8 }, (_, prompt) => ({
  prompt: { ids: Int32Array.from({ length: 32 }, (_, i) => 100 + ((37 * prompt + 11 * i) % 900)), pictures: [] },
  count: 4,
  keys: Array.from({ length: 4 }, (_, n) => createRandom(1).key(prompt, n).words),
}));
const batch = { prompts: [requests[0]!.prompt], rows: [{ prompt: 0, tokens: Int32Array.of(101, 102) }], temperature: 1 };

for (const [label, lora] of [["merged into constants", null], ["beside the weights", {}]] as const) {
  const { learner, rollout, close } = await openPolicyInProcess({ folder, threads: 2, ...learnerSettings(parseSettings({ lora })) });
  const timed = async (): Promise<number> => {
    const start = performance.now();
    await rollout.generate(requests, sampling, () => undefined);
    return (performance.now() - start) / 1000;
  };
  await timed();
  const steady = [await timed(), await timed(), await timed()];
  const updated: number[] = [];
  for (let update = 0; update < 3; update++) {
    await learner.backward(batch, { logProbs: Float32Array.of(-1, -1) });
    await learner.step({ learningRate: 1e-6 });
    updated.push(await timed());
  }
  const median = (values: number[]): string => values.sort((a, b) => a - b)[1]!.toFixed(3);
  console.log(`${name}, ${label}: ${median(steady)} s with the same weights, ${median(updated)} s after an update; ${Math.round(process.memoryUsage().rss / 2 ** 20)} MiB resident`);
  await close();
}
rmSync(root, { recursive: true });
