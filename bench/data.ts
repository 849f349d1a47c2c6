/** Rows for whole runs: a question of 30 words of the tokenizer and a picture of noise, 224 × 224. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { createRandom } from "@papo/core";
import { specialTokens, vocabulary } from "../recipes/app/tasks/shapes/vocabulary.ts";

const side = 224;
const words = vocabulary.slice(specialTokens.length + 1);

/** Path of the rows' file under `root`. */
export async function writeRows(root: string, count: number, textTokens: number): Promise<string> {
  await mkdir(root, { recursive: true });
  const lines = await Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const draws = createRandom(1).key("row", index);
      const pixels = Buffer.from(Uint8Array.from({ length: side * side * 3 }, (_, i) => 256 * draws.uniform(i)));
      const picture = join(root, `${index}.png`);
      await sharp(pixels, { raw: { width: side, height: side, channels: 3 } })
        .png()
        .toFile(picture);
      const text = Array.from(
        { length: textTokens - 4 },
        (_, i) => words[Math.floor(draws.uniform(1e7 + i) * words.length)],
      ).join(" ");
      return JSON.stringify({ prompt: text, images: [`${index}.png`], answer: "0" });
    }),
  );
  const file = join(root, "rows.jsonl");
  await writeFile(file, `${lines.join("\n")}\n`);
  return file;
}
