/**
 * The runs of docs/evidence.md: `node --import tsx docs/run-evidence.ts` makes those that are missing, in the page's order, and `… gain-0.6 paths` only these. `papo compare` does the work and goes on where it was
 * cut off; after each comparison its runs in short go to docs/evidence/, and the page's tables are written anew. `--seeds 4` makes the first four of each alone.
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

interface EvidencePart {
  readonly name: string;
  readonly prior: "suggestion" | "skew" | "caption";
  readonly strength: number;
  readonly recipes: readonly string[];
}

const [base, paid] = ["grpo", "papo:gamma=0.1"];
const changed = (...options: readonly string[]): string[] => options.map((option) => `${paid},${option}`);
const suggestion = (name: string, recipes: readonly string[], strength = 0.6): EvidencePart => ({ name, prior: "suggestion", strength, recipes });
const gain = (strength: number): EvidencePart => suggestion(`gain-${strength}`, [base, "papo:gamma=0.02", paid, "papo:gamma=0.2"], strength);

/** Parts of one prior and strength share a folder, so that a run that two of them name is made once. */
export const evidenceParts: readonly EvidencePart[] = [
  gain(0.6),
  suggestion("paths", [base, paid, ...changed("mode=paper", "maskedGradient=kl", "maskedGradient=entropy", "reduction=sequence_mean")]),
  gain(0.4),
  gain(0.8),
  { name: "prior-skew", prior: "skew", strength: 0.6, recipes: [base, paid] },
  { name: "prior-caption", prior: "caption", strength: 0.6, recipes: [base, paid] },
  suggestion("entropies", [base, paid, ...changed("eta=0"), "papo:gamma=0"]),
  suggestion("methods", [
    base, "dapo", "dapo-entropy", paid, "papo-d:gamma=0.1", "apo", "vppo", "vgpo", "pepo", "noisy-rollout", "pgpo", "dvrp", "tor", "vepo", "roma", "grpo-care", "vision-sr1", "visionary-r1-tiny",
  ]),
  suggestion("collapse", [base, ...["gamma=0.5", "gamma=1", "mode=paper,gamma=0.5"].flatMap((options) => [`papo:${options}`, `papo:${options},eta=0`])]),
  suggestion("masks", [base, paid, ...changed("maskRatio=0.4", "maskRatio=0.8", "maskRatio=1", "maskOn=patches", "maskOn=merge", "maskOn=semantic", "maskScope=response")]),
];

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { values, positionals } = parseArgs({ options: { seeds: { type: "string", default: "8" }, jobs: { type: "string", default: String(availableParallelism()) } }, allowPositionals: true });
  const unknown = positionals.filter((name) => !evidenceParts.some((part) => part.name === name));
  if (unknown.length > 0) throw new Error(`there is no part ${unknown.join(", ")}; there are ${evidenceParts.map(({ name }) => name).join(", ")}`);
  const docs = dirname(fileURLToPath(import.meta.url));
  mkdirSync(join(docs, "evidence"), { recursive: true });
  for (const { name, prior, strength, recipes } of evidenceParts.filter((part) => positionals.length === 0 || positionals.includes(part.name))) {
    const output = join(docs, "..", "runs", "evidence", `${prior}-${strength}`);
    run("recipes/papo.mjs", [
      "compare", ...recipes, "--task", `shortcut:${prior}`, "--strength", String(strength), "--steps", "40", "--scenes", "500", "--seeds", values.seeds, "--first-seed", "101", "--jobs", values.jobs, "--output", output,
    ]);
    copyFileSync(join(output, "runs.json"), join(docs, "evidence", `${name}.json`));
    run("docs/evidence-tables.ts", []);
  }
}

function run(script: string, words: readonly string[]): void {
  const { status } = spawnSync(process.execPath, ["--import", "tsx", fileURLToPath(new URL(`../${script}`, import.meta.url)), ...words], { stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
