/** Rows with pictures drawn for them, and where the works' rows lie. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { createRandom } from "@papo/core";
import { drawScene, encodePng } from "../app/tasks/shapes/draw.ts";
import { sharedSprites } from "../app/tasks/shapes/examples.ts";
import type { Scene } from "../app/tasks/shapes/scene.ts";

export interface Message {
  readonly role: "user" | "assistant";
  readonly content: string;
}

/** A question, or a dialogue that ends with one. */
type Asked = string | readonly Message[];

export interface DrawnRow<Prompt extends Asked = string> {
  readonly id: string;
  readonly prompt: Prompt;
  readonly answer: string;
  /** A picture each, in order. */
  readonly scenes: readonly Scene[];
  /** Further columns. */
  readonly columns?: Readonly<Record<string, unknown>>;
}

/** Where rows are written that run files name. */
export const rowsFolder = (work: string): string => fileURLToPath(new URL(`../../runs/works/${work}`, import.meta.url));

/** Whether a module is the script that node was given, and not imported. */
export const isScript = (module: string): boolean => module === pathToFileURL(process.argv[1] ?? "").href;

/** A line of JSONL for each row, its pictures beside the file. */
export async function writeDrawnRows(file: string, rows: readonly DrawnRow<Asked>[]): Promise<void> {
  const sprites = await sharedSprites();
  const folder = dirname(file);
  await mkdir(join(folder, "pictures"), { recursive: true });
  const lines: string[] = [];
  for (const { id, prompt, answer, scenes, columns } of rows) {
    const images: string[] = [];
    for (const [index, scene] of scenes.entries()) {
      const image = `pictures/${id}-${index}.png`;
      const painted = drawScene(scene, createRandom(1).key(id, index), sprites);
      await writeFile(join(folder, image), await encodePng({ ...painted, source: id }));
      images.push(image);
    }
    lines.push(`${JSON.stringify({ id, prompt, images, answer, ...columns })}\n`);
  }
  await writeFile(file, lines.join(""));
}
