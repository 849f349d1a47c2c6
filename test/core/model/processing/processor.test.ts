import { cp, mkdtemp, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Processor } from "../../../../core/model/processing/processor.ts";
import type { Picture } from "../../../../core/model/processing/picture.ts";

const tiny = join(import.meta.dirname, "../../../golden/cases/models/tiny");
const picture = (width: number, height: number): Picture => ({
  width,
  height,
  data: new Uint8Array(width * height * 3),
  source: "drawn",
});
const [image, start, end] = [479, 476, 477];

let processor: Processor;
beforeAll(async () => {
  processor = await Processor.load(tiny);
});

describe("encodePrompt", () => {
  test("gives one image id per visual token, in the order of the marks", () => {
    const { ids, pictures } = processor.encodePrompt({ prompt: "Compare <image>with <image>." }, [
      picture(56, 56),
      picture(112, 56),
    ]);
    expect(pictures.map(({ grid }) => grid)).toEqual([
      [1, 4, 4],
      [1, 4, 8],
    ]);
    const runs = processor
      .decode(ids)
      .split("<|vision_start|>")
      .slice(1)
      .map((piece) => piece.split("<|image_pad|>").length - 1);
    expect(runs).toEqual([4, 8]);
    const first = ids.indexOf(image);
    expect([ids[first - 1], ids[first + 4]]).toEqual([start, end]);
  });

  test("puts the system text in its own message", () => {
    expect(processor.renderPrompt({ system: "Be brief.", prompt: "Hi" })).toBe(
      "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n",
    );
  });

  test("messages with parts and a prompt with marks are the same", () => {
    const parts = [{ type: "image" }, { type: "text", text: "What is it?" }] as const;
    const byParts = processor.encodePrompt({ messages: [{ role: "user", content: parts }] }, [picture(60, 60)]);
    expect(processor.encodePrompt({ prompt: "<image>What is it?" }, [picture(60, 60)])).toEqual(byParts);
    expect(
      processor.encodePrompt({ messages: [{ role: "user", content: "<image>What is it?" }] }, [picture(60, 60)]),
    ).toEqual(byParts);
  });

  test("marks and pictures must be as many", () => {
    expect(() => processor.encodePrompt({ prompt: "What is it?" }, [picture(56, 56)])).toThrow(
      /0 <image> marks and 1 pictures; put one mark .*What is it\?/,
    );
    expect(() => processor.encodePrompt({ prompt: "<image><image>" }, [picture(56, 56)])).toThrow(
      /2 <image> marks and 1 pictures/,
    );
  });

  test("an image token written in the text is refused", () => {
    expect(() => processor.encodePrompt({ prompt: "What does <|image_pad|> mean?" })).toThrow(
      /1 image tokens for 0 pictures: the token <\|image_pad\|> must not be written/,
    );
  });

  test("a ribbon of a picture is refused by name", () => {
    expect(() => processor.encodePrompt({ prompt: "<image>" }, [picture(20000, 10)])).toThrow(/^drawn: .*20000×10/);
  });
});

describe("what a model folder says", () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "processor-"));
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));
  beforeEach(() => cp(tiny, folder, { recursive: true, filter: (file) => !file.endsWith(".safetensors") }));

  const change = async (name: string, edit: (json: Record<string, unknown>) => Record<string, unknown>) => {
    const json = JSON.parse(await readFile(join(tiny, name), "utf8")) as Record<string, unknown>;
    await writeFile(join(folder, name), JSON.stringify(edit(json)));
  };

  test("all end tokens stop, all vision tokens are banned", () => {
    expect(processor.stopTokens).toEqual([469, 467]);
    expect(processor.bannedTokens).toEqual([476, 477, 478, 479, 480]);
    expect([processor.padToken, processor.vocabularySize]).toEqual([467, 512]);
  });

  test("end tokens: one id, config.json's, or the tokenizer's", async () => {
    await change("generation_config.json", () => ({ eos_token_id: 467 }));
    expect((await Processor.load(folder)).stopTokens).toEqual([467]);
    await unlink(join(folder, "generation_config.json"));
    expect((await Processor.load(folder)).stopTokens).toEqual([469]);
    await change("config.json", ({ text_config, ...rest }) => ({
      ...rest,
      text_config: { ...(text_config as object), eos_token_id: null },
    }));
    expect((await Processor.load(folder)).stopTokens).toEqual([469]);
    await change("tokenizer_config.json", ({ eos_token: _, ...rest }) => rest);
    await expect(Processor.load(folder)).rejects.toThrow(/names no end-of-text token/);
    await change("generation_config.json", () => ({ eos_token_id: [469, "x"] }));
    await expect(Processor.load(folder)).rejects.toThrow(/generation_config.json: eos_token_id holds "x"/);
  });

  test("picture settings must agree with the model, the tokenizer with its vocabulary", async () => {
    await change("processor_config.json", ({ image_processor }) => ({
      image_processor: { ...(image_processor as object), patch_size: 16 },
    }));
    await expect(Processor.load(folder)).rejects.toThrow(
      /patchSize is 16 for the picture processor and 14 for the model/,
    );
    await unlink(join(folder, "processor_config.json"));
    await expect(Processor.load(folder)).rejects.toThrow(/says nothing of pictures/);
    await cp(join(tiny, "processor_config.json"), join(folder, "processor_config.json"));
    await change("config.json", ({ text_config, ...rest }) => ({
      ...rest,
      text_config: { ...(text_config as object), vocab_size: 485 },
    }));
    await expect(Processor.load(folder)).rejects.toThrow(/ids up to 488, the model a vocabulary of 485/);
  });

  test("without a chat template a prompt is refused, decoding works", async () => {
    await unlink(join(folder, "chat_template.jinja"));
    const bare = await Processor.load(folder);
    expect(bare.decode([64])).toBe("a");
    expect(() => bare.encodePrompt({ prompt: "Hi" })).toThrow(/has no chat template: add chat_template.jinja/);
  });
});
