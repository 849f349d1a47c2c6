/** What a golden folder may hold. A folder that holds something else was made for tests that are not here. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The parts that are compared, by the file or folder that shows a part is there. */
export const parts = [
  "image.json",
  "pictures.json",
  "tokenizer.json",
  "losses.json",
  "papo_step.json",
  "adamw.json",
  "moments.safetensors",
  "muon.json",
  "ops.json",
  "views.json",
  "attention.json",
  "turns.json",
  "methods.json",
  "groups.json",
  "verify.json",
  "statistics.json",
  "dinov2.json",
  "models",
  "lora",
  "adapters",
] as const;
export type Part = (typeof parts)[number];

/** What parts read besides: tensors have the name of their part. */
const besides = ["images", "dinov2"];

/** What tests outside of test/golden read. */
const ofOtherTests = [
  "benchmarks",
  "rows",
  "avif.json",
  "chat-constructs.json",
  "key-regions.json",
  "verify-responses.json",
  "published.json",
];

const withoutType = (name: string): string => name.replace(/\.(?:json|safetensors)$/, "");

/**
 * Names in a folder that no test reads: of its files those in JSON and safetensors, and of its folders those that are
 * neither a model nor golden folders themselves. Notes and scripts are none.
 */
export function unknownParts(folder: string): string[] {
  const adapters = existsSync(join(folder, "adapters")) ? readdirSync(join(folder, "adapters")) : [];
  const known = new Set<string>([...parts, ...besides, ...ofOtherTests].map(withoutType).concat(adapters, "scripts"));
  const top = readdirSync(folder).filter((name) => {
    if (name.startsWith(".") || known.has(withoutType(name))) return false;
    if (!statSync(join(folder, name)).isDirectory()) return withoutType(name) !== name;
    return !existsSync(join(folder, name, "config.json")) && !holdsParts(join(folder, name));
  });
  return [...top, ...unknownCases(join(folder, "models"), "models")].sort();
}

export const holdsParts = (folder: string): boolean => parts.some((part) => existsSync(join(folder, part)));

/** Tensors of cases that no JSON file describes: no test would read them. */
function unknownCases(folder: string, name: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".safetensors") && !existsSync(join(folder, `${withoutType(file)}.json`)))
    .map((file) => `${name}/${file}`);
}
