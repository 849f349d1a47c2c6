/**
 * GRPO on Geometry3K with the settings of EasyR1's example (config.yaml and qwen2_5_vl_7b_geo3k_grpo.sh): 2,101
 * questions, 15 passes of 512 prompts × 5 responses, four steps each; or, with `papo(…)` around the base, PAPO on the
 * same data.
 *
 * Needs, beside this file: Qwen2.5-VL-7B-Instruct; geometry3k, hiyouga/geometry3k's folder with data/train-*.parquet
 * and data/test-*.parquet (columns images, problem, answer). `npx papo plan` says what memory and disk it takes.
 */
import { FormatRewardPlugin, MathRewardPlugin } from "@papo/plugins";
import { defineRun, grpo } from "@papo/recipes";

/** EasyR1's math.jinja. */
const template =
  "{prompt} You FIRST think about the reasoning process as an internal monologue and then provide the final answer. The reasoning process MUST BE enclosed within <think> </think> tags. " +
  "The final answer MUST BE put in \\boxed{}.";

const folder = { path: "./geometry3k", columns: { prompt: "problem", answer: "answer", images: "images" }, template };

export default defineRun({
  model: "./Qwen2.5-VL-7B-Instruct",
  data: { ...folder, split: "train" },
  plugins: [
    new MathRewardPlugin({ weight: 0.9 }),
    new FormatRewardPlugin({ weight: 0.1 }),
    ...grpo({ clipLow: 0.2, clipHigh: 0.3, referenceKl: 0.01, reduction: "token_mean" }),
  ],
  settings: {
    steps: 60,
    promptsPerStep: 512,
    samplesPerPrompt: 5,
    promptsPerMinibatch: 128,
    sampling: { maxNewTokens: 2048 },
    maxPromptTokens: 2048,
    onLongPrompt: "skip",
    learningRate: 1e-6,
    optimizer: { weightDecay: 0.01, maxGradientNorm: 1 },
    pictures: { minPixels: 262_144, maxPixels: 4_194_304 },
    checkpointEvery: 5,
    keepCheckpoints: 3,
  },
  evaluation: { data: { ...folder, split: "test" }, every: 5 },
  output: "../../runs/geometry3k",
});
