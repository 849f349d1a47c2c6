/** Texts of a new project's files. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { z } from "zod";

/** What the project trains on. */
export interface ProjectData {
  /** The source's code in the run file: a path from it, or an object. */
  readonly code: string;
  /** The model's code in the run file. */
  readonly model: string;
  /** The answers are those of the embedded task, or such as a verifier of mathematics reads. */
  readonly answers: "shapes" | "mathematics";
}

const examples = fileURLToPath(new URL("../../examples/", import.meta.url));

export const runFile = ({ code, model, answers }: ProjectData): string => {
  const own = answers === "shapes";
  return `import { defineRun, grpo, papo${own ? ", startModel" : ""} } from "@papo/recipes";
${own ? 'import { reward } from "./reward.ts";' : 'import { FormatRewardPlugin, MathRewardPlugin } from "@papo/plugins";'}
import { VisualFocusPlugin } from "./visual-focus.ts";

/** npx papo train run.ts; paths are relative to this file. */
export default defineRun({
  model: ${model}
  data: ${code},
${own ? "  reward,\n" : ""}  plugins: [...papo(grpo()), ${own ? "" : "new MathRewardPlugin(), new FormatRewardPlugin(), "}new VisualFocusPlugin({ threshold: 0.1 })],
  settings: { steps: ${own ? 10 : 100}, promptsPerStep: ${own ? 5 : 8}, samplesPerPrompt: 8, learningRate: ${own ? "1e-4" : "1e-6"}, sampling: { maxNewTokens: ${own ? 32 : 1024} } },
  output: "runs/first",
});
`;
};

export const rewardFile = `import type { Scorable } from "@papo/core";

/** 1 when the response ends with the row's answer in a box, else 0. */
export const reward = ({ prompt, response }: Scorable): number =>
  response.text.endsWith(\`\\\\boxed{ \${prompt.row.answer} }\`) ? 1 : 0;
`;

/** The plugin that the documentation explains. */
export const pluginFile = (): string => readFileSync(join(examples, "visual-focus.ts"), "utf8");

export const testFile = `/** npm test: a plugin's gradients, without a model. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { lossOf } from "@papo/core/testing";
import { ClippedObjectivePlugin, RandomMaskPlugin } from "@papo/plugins";
import { VisualFocusPlugin } from "./visual-focus.ts";

test("tokens that do not depend on the picture get no gradient", () => {
  const plugins = [new RandomMaskPlugin(), new ClippedObjectivePlugin(), new VisualFocusPlugin({ threshold: 0.5 })];
  const { gradients } = lossOf(plugins, {
    logProbs: [[-1, -1]],
    advantages: [[1, 1]],
    scores: { "masked/old/logProbs": [[-1.1, -3]] }, // hiding the picture costs the second token 2 nats
  });
  const [blind, seeing] = gradients["original"]?.logProbs?.[0] ?? [];
  assert.equal(blind, 0);
  assert.ok(seeing !== undefined && seeing < 0);
});
`;

export const typescriptFile = `${JSON.stringify(
  {
    compilerOptions: {
      target: "ES2023",
      lib: ["ES2023"],
      module: "NodeNext",
      types: ["node"],
      strict: true,
      noEmit: true,
      allowImportingTsExtensions: true,
      skipLibCheck: true,
    },
    include: ["*.ts"],
  },
  null,
  2,
)}\n`;

/** Dependencies' install scripts fetch from outside of the package registry, and nothing here needs what they fetch. */
export const npmSettings = "ignore-scripts=true\n";

export const ignoredFiles = "node_modules/\nruns/\n";

const named = z.record(z.string(), z.string());
/** What is read of a package.json that is there already. */
export const manifestSchema = z.looseObject({
  scripts: named.optional(),
  dependencies: named.optional(),
  devDependencies: named.optional(),
});
export type Manifest = z.output<typeof manifestSchema>;

/**
 * A project's package.json with what is missing: what stands there stays. @param own where the packages of this project
 * come from, by name
 */
export function manifestWith(before: Manifest, own: Readonly<Record<string, string>>): string {
  const { scripts = {}, dependencies = {}, devDependencies = {} } = before;
  const noTest = scripts["test"] === undefined || scripts["test"].includes("no test specified");
  const after = {
    private: true,
    ...before,
    scripts: {
      train: "papo train run.ts",
      ...scripts,
      ...(noTest ? { test: "node --import tsx --test visual-focus.test.ts" } : {}),
    },
    dependencies: { ...own, "@tensorflow/tfjs-core": "4.22.0", zod: "^4.6.7", ...dependencies },
    devDependencies: { "@types/node": "^20.19.0", tsx: "^4.23.15", ...devDependencies },
  };
  return `${JSON.stringify(after, null, 2)}\n`;
}
