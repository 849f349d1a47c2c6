/** The same questions with other pictures, or none: what an answer owes to the picture. */
import { loadPicture, type Dataset, type PictureSource, type Row } from "@papo/core";
import sharp from "sharp";

/** "real"; "blank": grey ones of the same size; "swapped": another question's; "absent": none, and no mark where they stood. */
export const pictureConditions = ["real", "blank", "swapped", "absent"] as const;
export type PictureCondition = (typeof pictureConditions)[number];

/** Rows that have pictures, under a condition. Ids stay, so that answers can be compared question by question. */
export async function underCondition(dataset: Dataset, condition: PictureCondition): Promise<Dataset> {
  if (condition === "real") return dataset;
  const rows: Row[] = [];
  for (let index = 0; index < dataset.size; index++) {
    const row = await dataset.row(index);
    if (row.images.length > 0) rows.push(row);
  }
  if (rows.length === 0) throw new Error(`Dataset "${dataset.name}" has no pictures: there is nothing to make ${condition}`);
  const changed = condition === "swapped" ? swapped(rows) : rows;
  return {
    name: `${dataset.name}, pictures ${condition}`,
    size: changed.length,
    skipped: [],
    row: async (index) => {
      const row = changed[index]!;
      if (condition === "absent") return { ...row, images: [], prompt: row.prompt.replaceAll("<image>", "").trim() };
      return condition === "blank" ? { ...row, images: await Promise.all(row.images.map(blank)) } : row;
    },
  };
}

async function blank(source: PictureSource): Promise<PictureSource> {
  const { width, height, source: name } = typeof source === "string" ? await loadPicture(source) : await loadPicture(source.bytes, source.name);
  const bytes = await sharp({ create: { width, height, channels: 3, background: { r: 128, g: 128, b: 128 } } }).png().toBuffer();
  return { bytes, name: `${name}, blank` };
}

/** Each row with the pictures of the next one that has as many and other ones; rows for which there is none are left out. */
function swapped(rows: readonly Row[]): Row[] {
  const same = (a: Row, b: Row): boolean => a.images.every((source, index) => source === b.images[index]);
  return rows.flatMap((row, index) => {
    for (let step = 1; step < rows.length; step++) {
      const other = rows[(index + step) % rows.length]!;
      if (other.images.length === row.images.length && !same(row, other)) return [{ ...row, images: other.images }];
    }
    return [];
  });
}
