/** The same questions with other pictures, or none: what an answer owes to the picture. */
import { createHash } from "node:crypto";
import {
  createHost,
  loadSource,
  type Dataset,
  type PictureSource,
  type Row,
  type View,
  withoutPictures,
} from "@papo/core";
import { RandomMaskPlugin } from "@papo/plugins";

/**
 * "real"; "masked": 60 % of its 14-pixel squares black (PAPO, arXiv:2507.06448); "blank": grey, of the same size;
 * "swapped": another question's; "absent": none, and no mark where it stood.
 */
export const pictureConditions = ["real", "masked", "blank", "swapped", "absent"] as const;
export type PictureCondition = (typeof pictureConditions)[number];
export type ChangedCondition = Exclude<PictureCondition, "real">;

/** "real, blank": the real ones first. @throws Error naming the option and what it does not know */
export function conditionsOf(option: string, names: readonly string[]): PictureCondition[] {
  const unknown = names.find((name) => !(pictureConditions as readonly string[]).includes(name));
  if (unknown !== undefined) throw new Error(`${option} takes ${pictureConditions.join(", ")}, not "${unknown}"`);
  return pictureConditions.filter((condition) => condition === "real" || names.includes(condition));
}

/** A condition as a view of the prompt, and the rows that it can be made of. */
export interface ChangedPictures {
  readonly condition: ChangedCondition;
  /** Named after the condition. */
  readonly view: View;
  applies(row: Row): boolean;
}

const hasPictures = ({ images }: Row): boolean => images.length > 0;

export async function changedPictures(condition: ChangedCondition, dataset: Dataset): Promise<ChangedPictures> {
  switch (condition) {
    case "masked":
      return { condition, view: maskedView(), applies: hasPictures };
    case "blank":
      return {
        condition,
        applies: hasPictures,
        view: {
          name: condition,
          raw: (picture) => ({
            ...picture,
            data: new Uint8Array(picture.data.length).fill(128),
            source: `${picture.source}, blank`,
          }),
        },
      };
    case "absent":
      return { condition, applies: hasPictures, view: { name: condition, prompt: withoutPictures } };
    case "swapped":
      return swappedPictures(dataset);
  }
}

/** The view of RandomMaskPlugin as it is published. */
function maskedView(): View {
  const [view] = createHost([new RandomMaskPlugin()], { seed: 1 }).views.values();
  if (view === undefined) throw new Error("RandomMaskPlugin registered no view");
  return view;
}

/**
 * Each row with the pictures of the next one that has as many and other ones; rows for which there is none are left
 * out.
 */
async function swappedPictures(dataset: Dataset): Promise<ChangedPictures> {
  const found = partners.get(dataset) ?? findPartners(dataset);
  partners.set(dataset, found);
  const partnerOf = await found;
  return {
    condition: "swapped",
    applies: ({ id }) => partnerOf.has(id),
    view: {
      name: "swapped",
      prompt: async (original, { row }) => {
        const partner = partnerOf.get(row.id);
        return partner === undefined
          ? original
          : {
              ...original,
              pictures: await Promise.all((await dataset.row(partner)).images.map((source) => loadSource(source))),
            };
      },
    },
  };
}

/**
 * A dataset is asked several times: for the log-probs of the real pictures' answers, and for the answers to the swapped
 * ones, at each measurement of a run.
 */
const partners = new WeakMap<Dataset, Promise<ReadonlyMap<string, number>>>();

/** Index of the row whose pictures a row gets, by id. */
async function findPartners(dataset: Dataset): Promise<ReadonlyMap<string, number>> {
  const rows: { readonly index: number; readonly id: string; readonly pictures: readonly string[] }[] = [];
  for (let index = 0; index < dataset.size; index++) {
    const { id, images } = await dataset.row(index);
    if (images.length > 0) rows.push({ index, id, pictures: images.map(nameOf) });
  }
  const found = new Map<string, number>();
  for (const [at, { id, pictures }] of rows.entries()) {
    for (let step = 1; step < rows.length && !found.has(id); step++) {
      const other = rows[(at + step) % rows.length]!;
      if (other.pictures.length === pictures.length && other.pictures.join() !== pictures.join())
        found.set(id, other.index);
    }
  }
  return found;
}

/** Equal names mean equal pictures. */
const nameOf = (source: PictureSource): string =>
  typeof source === "string" ? source : createHash("sha1").update(source.bytes).digest("hex");
