/**
 * Where golden values come from: the folder `cases` beside this file, or any folder of the same layout named by
 * GOLDEN_DIR (`GOLDEN_DIR=<folder> npx vitest run test/golden`). README.md beside this file describes the layout.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { readSafetensors } from "../../core/model/files/safetensors.ts";
import { holdsParts, type Part, parts, unknownParts } from "./parts.ts";

/**
 * The folder in use.
 * @throws Error where it holds none of the parts, or one that no test knows
 */
export function goldenDir(): string {
  const chosen = process.env["GOLDEN_DIR"];
  const folder = chosen ? resolve(chosen) : fileURLToPath(new URL("cases", import.meta.url));
  const layout = `name a folder laid out as test/golden/README.md says`;
  if (!holdsParts(folder)) {
    throw new Error(`GOLDEN_DIR ${folder} holds none of the golden parts (${parts.join(", ")}): ${layout}`);
  }
  const unknown = unknownParts(folder);
  if (unknown.length > 0) {
    throw new Error(
      `GOLDEN_DIR ${folder} holds ${unknown.join(", ")}, which no test compares: ${layout}, or take it out`,
    );
  }
  return folder;
}

/** Whether the folder has a part; says so in one line when it has not, for tests that are then skipped. */
export function hasPart(part: Part): boolean {
  const there = existsSync(join(goldenDir(), part));
  if (!there) console.log(`skipped: ${goldenDir()} has no ${part}`);
  return there;
}

/** A parsed JSON file of the folder, "papo_step.json"; null when it is not there. */
export function goldenJson<T>(name: string): T | null {
  const file = join(goldenDir(), name);
  return existsSync(file) ? readJson<T>(file) : null;
}

export const readJson = <T>(file: string): T => JSON.parse(readFileSync(file, "utf8")) as T;

/** The tensors of a safetensors file of the folder, numbers as float64; null when it is not there. */
export async function goldenTensors(name: string): Promise<Map<string, GoldenTensor> | null> {
  const file = join(goldenDir(), name);
  return existsSync(file) ? readTensors(file) : null;
}

export async function readTensors(file: string): Promise<Map<string, GoldenTensor>> {
  const tensors = await readSafetensors(file);
  return new Map(
    [...tensors].map(([key, { shape, data }]) => [key, { shape, data: Float64Array.from(data as ArrayLike<number>) }]),
  );
}

/** Numbers of a golden tensor, row-major; integers too. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** A tensor that a case must hold. */
export function tensorOf(tensors: ReadonlyMap<string, GoldenTensor>, name: string): GoldenTensor {
  const tensor = tensors.get(name);
  if (tensor === undefined)
    throw new Error(`the golden case holds no tensor "${name}"; it holds ${[...tensors.keys()].sort().join(", ")}`);
  return tensor;
}

/** Names of the model cases of the folder, "<model>.<case>", sorted. */
export function modelCases(): string[] {
  const folder = join(goldenDir(), "models");
  if (!existsSync(folder)) return [];
  return readdirSync(folder)
    .filter((file) => file.endsWith(".json"))
    .map((file) => file.slice(0, -".json".length))
    .sort();
}

/** Names of the model folders, sorted. */
export function modelFolders(): string[] {
  const folder = join(goldenDir(), "models");
  return existsSync(folder)
    ? readdirSync(folder, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map(({ name }) => name)
        .sort()
    : [];
}

/** Largest |a − b|; infinite when the lengths differ or a value is not a number. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(Number(a[i]) - Number(b[i]));
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

/** One grey level in a family's pixels, by the smallest deviation of its three channels: the largest step. */
export const greyLevel = ({ std }: { readonly std: readonly number[] }): number => 1 / 255 / Math.min(...std);

/** L2 norm of a − b over the L2 norm of b (over 1e-12 where b is smaller). */
export function relativeError(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length) return Infinity;
  let [error, size] = [0, 0];
  for (let i = 0; i < a.length; i++) {
    error += (Number(a[i]) - Number(b[i])) ** 2;
    size += Number(b[i]) ** 2;
  }
  const ratio = Math.sqrt(error) / Math.max(1e-12, Math.sqrt(size));
  return Number.isNaN(ratio) ? Infinity : ratio;
}

const precisions = ["f32", "f64"] as const;

/** The smaller of the errors against the fp32 and the fp64 reference: transformers' own two differ by up to 1.4e-5. */
export function closest(
  tensors: ReadonlyMap<string, GoldenTensor>,
  name: string,
  error: (golden: GoldenTensor) => number,
): number {
  const errors = precisions.flatMap((precision) => {
    const golden = tensors.get(`${name}.${precision}`);
    return golden ? [error(golden)] : [];
  });
  if (errors.length === 0) throw new Error(`the golden case holds neither ${name}.f32 nor ${name}.f64`);
  return Math.min(...errors);
}
