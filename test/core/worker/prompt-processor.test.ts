import { cp, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createHost } from "@papo/core";
import { makeSample } from "@papo/core/testing";
import { FormatRewardPlugin, MathRewardPlugin } from "@papo/plugins";
import { beforeAll, expect, test } from "vitest";
import { Processor } from "../../../core/model/processing/processor.ts";
import { promptProcessor } from "../../../core/worker/prompt-processor.ts";
import { tokensUntil } from "../../../core/scores/target-tokens.ts";
import type { TextProcessor } from "../../../core/contracts/policy.ts";
import { temporaryFolder } from "../../support/bandit.ts";

const tiny = join(import.meta.dirname, "../../golden/cases/models/tiny");
const folder = temporaryFolder();
let processor: TextProcessor;

/**
 * The tiny model's tokenizer with `<think>` and `</think>` among its special tokens, and a template that begins the
 * thoughts.
 */
beforeAll(async () => {
  await cp(tiny, folder, { recursive: true, filter: (file) => !file.endsWith(".safetensors") });
  const file = JSON.parse(await readFile(join(tiny, "tokenizer.json"), "utf8")) as {
    added_tokens: { id: number; content: string; special: boolean }[];
  };
  const last = Math.max(...file.added_tokens.map(({ id }) => id));
  const added = ["<think>", "</think>"].map((content, index) => ({
    ...file.added_tokens[0]!,
    id: last + 1 + index,
    content,
    special: true,
  }));
  await writeFile(
    join(folder, "tokenizer.json"),
    JSON.stringify({ ...file, added_tokens: [...file.added_tokens, ...added] }),
  );
  const turns =
    "{% for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>\n{% endfor %}";
  await writeFile(
    join(folder, "chat_template.jinja"),
    `${turns}{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n{% endif %}`,
  );
  processor = promptProcessor(await Processor.load(folder));
});

test("special tokens stand in a response's text when asked for; what the template begins a response with is known", () => {
  const tokens = processor.encodeResponse("<think>3</think>\\boxed{8}");
  expect(processor.decode(tokens)).toBe("3\\boxed{8}");
  expect(processor.decode(tokens.subarray(0, -1), { special: true })).toBe("<think>3</think>\\boxed{8}");
  expect(processor.opening).toBe("<think>\n");
  expect(tokensUntil(tokens, "</think>", processor)).toBe(tokensUntil(tokens, "3", processor)! + 1);
});

test("rewards of form and answer see thoughts that are special tokens, and those that the template began", async () => {
  const host = createHost([new FormatRewardPlugin(), new MathRewardPlugin()], { seed: 1 });
  const values = async (response: string, opening: string): Promise<number[]> => {
    const tokens = processor.encodeResponse(response);
    const sample = makeSample({
      text: processor.decode(tokens),
      rawText: processor.decode(tokens.subarray(0, -1), { special: true }),
      opening,
      answer: "8",
    });
    const scored = await Promise.all(
      ["format", "accuracy"].map(async (part) => host.scorers.get(part)!.score(sample, AbortSignal.timeout(60_000))),
    );
    return scored.map((one) => (typeof one === "number" ? one : one!.value));
  };
  expect(await values("<think>3</think>\\boxed{8}", "")).toEqual([1, 1]);
  expect(await values("3</think>\\boxed{8}", processor.opening)).toEqual([1, 1]);
  expect(await values("3</think>\\boxed{8}", "")).toEqual([0, 1]);
  // A box in the thoughts is no answer.
  expect(await values("<think>\\boxed{8}</think>\\boxed{7}", "")).toEqual([1, 0]);
  expect(await values("perhaps \\boxed{8}, or 9", processor.opening)).toEqual([0, 0]);
});
