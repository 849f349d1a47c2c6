/** Several datasets as one, in given proportions. */
import { textDigest } from "./file-digest.ts";
import { permutation, type Random } from "../math/random.ts";
import type { Dataset } from "./dataset.ts";

export interface MixPart {
  readonly dataset: Dataset;
  /** Relative to the others': 3 and 1 are three rows of one for each of the other. */
  readonly weight: number;
}

/**
 * Rows of each part in proportion to its weight, spread evenly over a pass; within a part the order is its own shuffle.
 * A pass ends when the part that is shortest for its weight is used up, so that no row comes twice in one. Ids are
 * "<dataset>/<id>".
 * @throws Error when a weight is not positive, a part is empty, or two parts have one name
 */
export function mixDatasets(parts: readonly MixPart[]): Dataset {
  if (parts.length === 0) throw new Error("A mix needs at least one dataset");
  const total = parts.reduce((sum, { weight }) => sum + weight, 0);
  const names = new Set<string>();
  for (const {
    dataset: { name, size },
    weight,
  } of parts) {
    if (!(weight > 0 && Number.isFinite(weight)))
      throw new Error(`The weight of dataset "${name}" in the mix is ${weight}; it must be above 0`);
    if (size === 0) throw new Error(`Dataset "${name}" of the mix is empty`);
    if (names.has(name)) throw new Error(`The mix holds two datasets named "${name}"; rename a file`);
    names.add(name);
  }
  const rounds = Math.min(...parts.map(({ dataset, weight }) => dataset.size / weight));
  const counts = parts.map(({ weight }) => Math.max(1, Math.floor(weight * rounds + 1e-9)));
  const starts = parts.map((_, index) => parts.slice(0, index).reduce((sum, { dataset }) => sum + dataset.size, 0));
  return {
    name: `mix of ${parts.map(({ dataset, weight }) => `${dataset.name} (${((100 * weight) / total).toFixed(0)} %)`).join(", ")}`,
    size: counts.reduce((sum, count) => sum + count, 0),
    skipped: parts.flatMap(({ dataset }) => dataset.skipped),
    notes: parts.flatMap(({ dataset }) => (dataset.notes ?? []).map((note) => `${dataset.name}: ${note}`)),
    digest: (ofFile) =>
      textDigest(JSON.stringify(parts.map(({ dataset, weight }) => [weight, dataset.digest?.(ofFile) ?? null]))),
    pictures: async () => [
      ...new Set((await Promise.all(parts.map(({ dataset }) => dataset.pictures?.() ?? Promise.resolve([])))).flat()),
    ],
    shuffle: (random) => interleaved(parts, counts, starts, random),
    row: async (index) => {
      const part = starts.findLastIndex((start) => start <= index);
      const { dataset } = parts[part]!;
      const row = await dataset.row(index - starts[part]!);
      return { ...row, id: `${dataset.name}/${row.id}` };
    },
  };
}

/** The i-th of a part's n rows stands at (i + u) / n of the pass, u random for the part. */
function interleaved(
  parts: readonly MixPart[],
  counts: readonly number[],
  starts: readonly number[],
  random: Random,
): Int32Array {
  const placed = parts.flatMap(({ dataset }, part) => {
    const own = random.key("part", part);
    const order = dataset.shuffle?.(own) ?? permutation(own, dataset.size);
    const offset = random.key("offset").uniform(part);
    return Array.from({ length: counts[part]! }, (_, i) => ({
      at: (i + offset) / counts[part]!,
      row: starts[part]! + order[i]!,
    }));
  });
  return Int32Array.from(
    placed.sort((a, b) => a.at - b.at || a.row - b.row),
    ({ row }) => row,
  );
}
