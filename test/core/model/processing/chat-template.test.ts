import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { ChatTemplate, splitAtImages } from "../../../../core/model/processing/chat-template.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "template-"));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const messages = [{ role: "user", content: "hi" }];
const put = (name: string, content: unknown) =>
  writeFile(join(folder, name), typeof content === "string" ? content : JSON.stringify(content));

describe("ChatTemplate", () => {
  test("is taken from the first of its three places", async () => {
    expect(await ChatTemplate.load(folder)).toBeNull();
    await put("tokenizer_config.json", {
      chat_template: [
        { name: "tools", template: "T" },
        { name: "default", template: "from config" },
      ],
    });
    expect((await ChatTemplate.load(folder))!.render(messages)).toBe("from config");
    await put("chat_template.json", { chat_template: "from json" });
    expect((await ChatTemplate.load(folder))!.render(messages)).toBe("from json");
    await put(
      "chat_template.jinja",
      "from jinja {{ messages[0]['content'] }}{% if add_generation_prompt %}>{% endif %}",
    );
    expect((await ChatTemplate.load(folder))!.render(messages)).toBe("from jinja hi>");
  });

  test.each([
    ["nothing", "", "", ""],
    ["thoughts, begun", "<think>\n", "", "<think>\n"],
    ["thoughts, begun here and whole in earlier turns", "<think>\n", "<think>\n\n</think>\n\n", "<think>\n"],
    ["thoughts, empty, in every turn", "<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n", "<think>\n\n</think>\n\n"],
    ["another beginning", "Sure: ", "", "Sure: "],
  ])("writes %s at the start of a response", (_what, asked, answered, opening) => {
    const turns = `{% for message in messages %}<|im_start|>{{ message.role }}\n{% if message.role == "assistant" %}${answered}{% endif %}{{ message.content }}<|im_end|>\n{% endfor %}`;
    expect(
      new ChatTemplate(`${turns}{% if add_generation_prompt %}<|im_start|>assistant\n${asked}{% endif %}`).opening(),
    ).toBe(opening);
  });

  test("writes nothing at a response's start where it takes no turn of an assistant, but for thoughts", () => {
    const refusing =
      "{% if messages | length > 1 %}{{ raise_exception('one turn') }}{% endif %}{{ messages[0].content }}{% if add_generation_prompt %}[A]{% endif %}";
    expect(new ChatTemplate(refusing).opening()).toBe("");
    expect(
      new ChatTemplate("{{ messages[0].content }}{% if add_generation_prompt %}[A]<think>{% endif %}").opening(),
    ).toBe("<think>");
  });

  test("sees the tokens of the tokenizer", () => {
    expect(new ChatTemplate("{{ bos_token }}{{ messages | length }}", { bos_token: "<s>" }).render(messages)).toBe(
      "<s>1",
    );
  });

  test("reports a template that cannot be parsed, and one that complains", async () => {
    await put("chat_template.jinja", "{% for m in messages %}");
    await expect(ChatTemplate.load(folder)).rejects.toThrow(
      /the chat template in .*chat_template.jinja cannot be parsed/,
    );
    const picky = new ChatTemplate("{{ raise_exception('no users here') }}");
    expect(() => picky.render(messages)).toThrow(/failed on messages of roles user: .*no users here/);
  });
});

test("splitAtImages keeps order and white space", () => {
  const image = { type: "image" };
  expect(splitAtImages("<image>What is it?")).toEqual([image, { type: "text", text: "What is it?" }]);
  expect(splitAtImages("a <image><image> b")).toEqual([
    { type: "text", text: "a " },
    image,
    image,
    { type: "text", text: " b" },
  ]);
  expect(splitAtImages("none")).toEqual([{ type: "text", text: "none" }]);
});
