/**
 * One step of a large model, with an adapter or of all weights, sampling included, in the memory of this machine:
 * `node --import tsx bench/large.ts <m110|m530|b1|b3> <grpo|papo> [prompts] [responses] [tokens] [adapter|all]`.
 * Run it twice: the first run makes the model's folder, which takes memory too.
 * Prints seconds, the largest memory of the process, whole and without the pages of files, and what the plan announced
 * of the latter. GB are 10^9 bytes, as the plan's.
 */
import { rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { learnerSettings, openJsonl, openPolicy, parseSettings, type Plugin, train } from "@papo/core";
import { grpo, papo } from "@papo/recipes";
import { writeRows } from "./data.ts";
import { modelFolder } from "./models.ts";
import { memoryOf, peakMemory } from "./side.ts";

const [model = "b1", recipe = "grpo", prompts = "1", responses = "2", tokens = "16", trained = "adapter"] =
  process.argv.slice(2);
const root = join(dirname(fileURLToPath(import.meta.url)), "..", "runs", "bench");

class LengthRewardPlugin implements Plugin {
  readonly name = "LengthRewardPlugin";
  apply({ rewards }: Parameters<Plugin["apply"]>[0]): void {
    const score = ({
      response,
    }: {
      readonly response: { readonly text: string; readonly index: number };
    }): Promise<number> => Promise.resolve((response.text.length % 7) / 7 + response.index);
    rewards.register({ name: "length", weight: 1, timeoutSeconds: 10, onFailure: "stop", score });
  }
}

let anonymous = 0;
const watch = setInterval(() => {
  anonymous = Math.max(anonymous, memoryOf(process.pid).anonymous);
}, 20);

const folder = await modelFolder(join(root, "models"), model);
const rows = await writeRows(join(root, "data-32"), 64, 32);
const output = join(root, "runs", `large-${model}-${recipe}`);
rmSync(output, { recursive: true, force: true });
const settings = {
  steps: 1,
  promptsPerStep: Number(prompts),
  samplesPerPrompt: Number(responses),
  sampling: { maxNewTokens: Number(tokens) },
  learningRate: 1e-6,
  checkpointEvery: 0,
  recompute: true,
  ...(trained === "all" ? {} : { lora: { rank: 16, alpha: 32 } }),
};
const begun = performance.now();
const policy = await openPolicy({ folder, ...learnerSettings(parseSettings(settings)) });
const opened = performance.now();
/** What the run announces before its first step. */
let announced = 0;
const planned = {
  ...policy,
  planMemory: async (run: Parameters<NonNullable<typeof policy.planMemory>>[0]) => {
    const memory = await policy.planMemory!(run);
    announced = memory.plan.host;
    return memory;
  },
};
const base = grpo({ referenceKl: 0 });
await train({
  policy: planned,
  plugins: [new LengthRewardPlugin(), ...(recipe === "papo" ? papo(base) : base)],
  dataset: await openJsonl(rows),
  settings,
  output,
});
const done = performance.now();
clearInterval(watch);
const seconds = (from: number, to: number): string => ((to - from) / 1000).toFixed(0);
const gigabytes = (mebibytes: number): string => `${((mebibytes * 2 ** 20) / 1e9).toFixed(2)} GB`;
console.log(
  `${model}, ${recipe}: opened in ${seconds(begun, opened)} s, the step with its checks and checkpoint ${seconds(opened, done)} s, ` +
    `peak ${gigabytes(peakMemory())}, without file pages ${anonymous === 0 ? "not known" : gigabytes(anonymous)}, announced ${gigabytes(announced / 2 ** 20)}`,
);
await policy.close();
