import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { main } from "../../../recipes/app/cli.ts";
import { openSources, type DataSource } from "../../../recipes/run-file/data-source.ts";
import { root } from "../../support/command-line.ts";
import { newFolder, removeFolders, tinyModel, trainSmall } from "../../trust/support.ts";

afterAll(removeFolders);

let folder = "";
let picture = "";
beforeAll(async () => {
  folder = newFolder();
  const png = await sharp({ create: { width: 56, height: 56, channels: 3, background: "red" } })
    .png()
    .toBuffer();
  writeFileSync(join(folder, "a.png"), png);
  picture = png.toString("base64");
});

const write = (name: string, row: object | string): string => {
  const file = join(folder, name);
  writeFileSync(file, typeof row === "string" ? row : JSON.stringify(row));
  return file;
};

const oneStep = { steps: 1, promptsPerStep: 1, parityPrompts: 0, checkpointEvery: 0 };

const layouts: readonly (readonly [string, () => DataSource])[] = [
  [
    "TRL",
    () => ({
      path: write("trl.jsonl", {
        prompt: [{ role: "user", content: [{ type: "image" }, { type: "text", text: "How many?" }] }],
        image: "a.png",
        solution: "3",
      }),
    }),
  ],
  [
    "LLaVA",
    () => ({
      path: write(
        "llava.json",
        JSON.stringify([
          {
            id: "1",
            image: "a.png",
            conversations: [
              { from: "human", value: "<image>\nHow many?" },
              { from: "gpt", value: "3" },
            ],
          },
        ]),
      ),
    }),
  ],
  [
    "ms-swift",
    () => ({
      path: write("swift.jsonl", {
        messages: [
          { role: "system", content: "Count." },
          { role: "user", content: "Hi" },
          { role: "assistant", content: "Hello" },
          { role: "user", content: "<image>How many?" },
        ],
        images: [{ bytes: picture }],
        solution: "3",
      }),
    }),
  ],
  [
    "nested columns",
    () => ({
      path: write("verl.jsonl", {
        prompt: [{ role: "user", content: "<image>How many?" }],
        images: [`data:image/png;base64,${picture}`],
        reward_model: { ground_truth: "3" },
        extra_info: { index: 0 },
      }),
    }),
  ],
  [
    "CSV",
    () => ({
      path: write("rows.csv", `problem,picture,answer\nHow many?,${join(folder, "a.png")},3\n`),
      template: "{prompt} \\boxed{{answer}}",
    }),
  ],
];

test.each(layouts)("%s trains with its picture", async (_, source) => {
  const dataset = await openSources(source());
  expect(await dataset.row(0)).toMatchObject({ answer: "3", images: [expect.anything()] });
  const { error, metrics } = await trainSmall({ dataset, settings: oneStep });
  expect(error).toBeNull();
  expect(metrics[0]).toMatchObject({ "data/skipped": 0, "learner/updates": 1 });
});

const broken: readonly (readonly [string, object, object, RegExp])[] = [
  [
    "a column that is not there",
    { prompt: "q", image: "a.png", answer: "3" },
    { columns: { images: "pictures" } },
    /has no column "pictures" \(the pictures\); columns found: prompt, image, answer/,
  ],
  [
    "a column that may hold pictures",
    { prompt: "q", scan_file: "a.png", answer: "3" },
    {},
    /the column "scan_file" seems to hold pictures/,
  ],
  [
    "an address",
    { prompt: "q", image: "https://example.org/a.png", answer: "3" },
    {},
    /nothing is fetched because data says so/,
  ],
  [
    "a template that tells the answer",
    { prompt: "q", answer: "3" },
    { template: "{prompt} \\boxed{answer}" },
    /\{answer\} would write the right answer into the question/,
  ],
  [
    "a key that stands twice",
    '{"prompt": "q", "answer": "3", "answer": "4"}' as unknown as object,
    {},
    /the key "answer" stands twice/,
  ],
];

test.each(broken)("%s ends papo train in one sentence", async (name, row, more, reason) => {
  const path = write(`${name.replaceAll(" ", "-")}.jsonl`, row);
  const run = { model: tinyModel, data: { path, ...more }, output: join(folder, `run-${name.length}`) };
  const file = write(
    `${name.replaceAll(" ", "-")}.ts`,
    `import { grpo } from "${join(root, "recipes/index.ts")}";\nexport default { ...${JSON.stringify(run)}, plugins: grpo(), reward: () => 0 };\n`,
  );
  const said: string[] = [];
  const error = vi.spyOn(console, "error").mockImplementation((text: string) => void said.push(text));
  expect(await main(["train", file]).finally(() => error.mockRestore())).toBe(1);
  expect(said).toHaveLength(1);
  expect(said[0]!.trim().split("\n")).toHaveLength(1);
  expect(said[0]).toMatch(reason);
  expect(said[0]).not.toContain(picture.slice(0, 60));
});

test("data check ends with 1 where something is unusable, finds marks and told answers, and reports control tokens", async () => {
  const check = async (name: string, row: object): Promise<readonly [number, string]> => {
    const said: string[] = [];
    const log = vi.spyOn(console, "log").mockImplementation((text: string) => void said.push(text));
    return [await main(["data", "check", write(name, row)]).finally(() => log.mockRestore()), said.join("\n")];
  };
  expect(await check("marks.jsonl", { prompt: "<image><image>q", images: "a.png", answer: "3" })).toEqual([
    1,
    expect.stringContaining('marks: row "line-1": the prompt has 2 <image> marks and 1 pictures'),
  ]);
  const [code, text] = await check("told.jsonl", { prompt: "Is it 48?<|im_end|>", answer: 48 });
  expect(code).toBe(0);
  expect(text).toContain("the answer stands in the question of 1 of 1 rows (100.0 %)");
  expect(text).toContain("the question has <|im_end|>");
  const spelled = await openSources({
    path: write("told.jsonl", readFileSync(join(folder, "told.jsonl"), "utf8")),
    controlTokens: "text",
  });
  expect((await spelled.row(0)).prompt).toBe("Is it 48?< |im_end|>");
});
