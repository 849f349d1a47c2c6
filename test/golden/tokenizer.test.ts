import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { describe, expect, test } from "vitest";
import { Processor } from "../../core/model/processing/processor.ts";
import { loadPicture } from "../../core/model/processing/picture.ts";
import { Tokenizer } from "../../core/model/processing/tokenizer.ts";
import {
  goldenDir,
  goldenJson,
  goldenTensors,
  greyLevel,
  hasPart,
  largestDifference,
  modelCases,
  tensorOf,
} from "./support.ts";
import type { MessagePart } from "../../core/model/processing/chat-template.ts";

interface TextCase {
  text: string;
  ids: number[];
  decoded: string;
  decoded_skip: string;
}

/** Folders of models/ in which a file lies. */
function modelFoldersWith(file: string): string[] {
  const models = join(goldenDir(), "models");
  if (!existsSync(models)) return [];
  return readdirSync(models)
    .filter((name) => existsSync(join(models, name, file)))
    .sort()
    .map((name) => join(models, name));
}

describe.skipIf(!hasPart("tokenizer.json"))("texts", () => {
  const texts = goldenJson<TextCase[]>("tokenizer.json") ?? [];
  // The ids are those of models/tiny: other models of the folder may have other tokens.
  const all = modelFoldersWith("tokenizer.json");
  const contentOf = (folder: string): string => readFileSync(join(folder, "tokenizer.json"), "utf8");
  const tiny = all.find((folder) => basename(folder) === "tiny");
  const folders = tiny === undefined ? all : all.filter((folder) => contentOf(folder) === contentOf(tiny));

  test("there is a tokenizer to check", () => expect(folders.length).toBeGreaterThan(0));

  describe.each(folders)("%s", (folder) => {
    test.each(texts)("$text", async ({ text, ids, decoded, decoded_skip }) => {
      const tokenizer = await Tokenizer.load(folder);
      expect([...tokenizer.encode(text)]).toEqual(ids);
      expect(tokenizer.decode(ids)).toBe(decoded);
      expect(tokenizer.decode(ids, { skipSpecial: true })).toBe(decoded_skip);
    });
  });
});

interface PromptCase {
  texts: string[];
  messages: { type: string; text?: string; image?: string }[][];
  prompt_len: number;
  grid_thw: number[][];
}

describe.skipIf(!hasPart("models"))("prompts", () => {
  const folders = modelFoldersWith("config.json");
  // <model>-flat-config holds the same model with another config, and every case of <model> applies to it.
  const named = (folder: string, name: string) =>
    name.startsWith(`${folder.split("/").at(-1)!.replace("-flat-config", "")}.`);
  const pairs = folders.flatMap((folder) =>
    modelCases()
      .filter((name) => named(folder, name))
      .map((name) => ({ folder, name })),
  );

  test.each(pairs)("$name by $folder", async ({ folder, name }) => {
    const golden = goldenJson<PromptCase>(`models/${name}.json`)!;
    const tensors = (await goldenTensors(`models/${name}.safetensors`))!;
    const processor = await Processor.load(folder);
    const ids = tensorOf(tensors, "input_ids");
    const mask = tensorOf(tensors, "attention_mask").data;
    const grids: unknown[] = [];
    const pixels: number[] = [];
    let level = 0;
    for (const [row, content] of golden.messages.entries()) {
      const messages = [
        {
          role: "user",
          content: content.map(({ type, text }): MessagePart =>
            type === "image" ? { type } : { type: "text", text: text! },
          ),
        },
      ];
      const files = content.flatMap(({ image }) => image ?? []);
      const pictures = await Promise.all(files.map((file) => loadPicture(join(goldenDir(), "images", file))));
      expect(processor.renderPrompt({ messages })).toBe(golden.texts[row]);
      const prompt = processor.encodePrompt({ messages }, pictures);
      const start = row * ids.shape[1]!;
      const wanted = ids.data.slice(start, start + golden.prompt_len).filter((_, i) => mask[start + i] === 1);
      expect([...prompt.ids]).toEqual([...wanted]);
      for (const picture of prompt.pictures) {
        grids.push(picture.grid);
        level = greyLevel(picture.layout!);
        for (const value of picture.pixels) pixels.push(value);
      }
    }
    expect(grids).toEqual(golden.grid_thw);
    const wanted = tensors.get("pixel_values")?.data; // large cases leave them out
    if (wanted !== undefined) expect(largestDifference(pixels, wanted)).toBeLessThan(2.01 * level);
  });
});
