/**
 * Writes which published models train on which machine into docs/models.md, from the plan: `node --import tsx
 * docs/scripts/generate-sizes.ts`.
 */
import { readFileSync, writeFileSync } from "node:fs";
import {
  createHost,
  examplePrompt,
  parseSettings,
  planOf,
  plannedRun,
  planRollout,
  publishedConfig,
  publishedNames,
  type MemoryPlan,
  type RunSettingsInput,
} from "@papo/core";
import { grpo } from "@papo/recipes";

const machines = [16, 24, 32, 64, 128];
/** Of a machine's memory, what the system and others need. */
const others = 2e9;

/**
 * Settings with which a run takes as little memory as it can, a prompt of 256 visual and 128 text tokens, 2 × 4
 * responses of 256 tokens.
 */
const small = {
  promptsPerStep: 2,
  samplesPerPrompt: 4,
  sampling: { maxNewTokens: 256 },
  recompute: true,
  microbatchTokens: 640,
  cacheMegabytes: 512,
} satisfies RunSettingsInput;
const ways: readonly (readonly [string, RunSettingsInput])[] = [
  ["LoRA, rank 16", { ...small, lora: { rank: 16 } }],
  ["all weights, moments in 8 bits", { ...small, optimizer: { moments: "8bit" } }],
  ["all weights", small],
];

/** Of a run on a machine of `memory` bytes. */
async function planOn(memory: number, name: string, input: RunSettingsInput): Promise<MemoryPlan> {
  const config = publishedConfig(name)!;
  const settings = parseSettings(input);
  const host = createHost(grpo({ referenceKl: 0 }), { seed: settings.seed });
  host.beginStep({ step: 1, steps: 1 });
  const prompt = examplePrompt(config, { textTokens: 128, visualTokens: 256 });
  const run = plannedRun(
    host,
    planRollout({ step: 1, steps: 1 }, { host, settings }),
    settings,
    [prompt],
    memory - others,
  );
  return planOf({ config, typeOf: () => "BF16" }, settings, run);
}

/** The smallest machine that a run fits with the files that it reads, and what the run takes there. */
async function cell(name: string, input: RunSettingsInput): Promise<string> {
  let [needed, text] = [0, ""];
  for (const machine of machines) {
    if (needed > 1.5e9 * machine) continue;
    const { host, mapped } = await planOn(machine * 1e9, name, input);
    needed = host + mapped + others;
    text = mapped === 0 ? (host / 1e9).toFixed(1) : `${(host / 1e9).toFixed(1)} + ${(mapped / 1e9).toFixed(1)}`;
    if (needed <= machine * 1e9) return `${machine} GB (${text})`;
  }
  return `more (${text})`;
}

const rows: string[] = [];
for (const name of publishedNames()) {
  const cells: string[] = [];
  for (const [, settings] of ways) cells.push(await cell(name, settings));
  rows.push(`| ${name.split("/")[1]!} | ${cells.join(" | ")} |`);
}
const table = [
  `| model | ${ways.map(([way]) => way).join(" | ")} |`,
  `|${" --- |".repeat(ways.length + 1)}`,
  ...rows,
].join("\n");
const page = new URL("../models.md", import.meta.url);
const marks = ["<!-- sizes: node --import tsx docs/scripts/generate-sizes.ts -->", "<!-- end of sizes -->"] as const;
const text = readFileSync(page, "utf8");
const [before, rest] = text.split(marks[0]) as [string, string];
writeFileSync(page, `${before}${marks[0]}\n${table}\n${marks[1]}${rest.split(marks[1])[1]!}`);
