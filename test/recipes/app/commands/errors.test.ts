import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readQuestions, type Question } from "../../../../recipes/app/evaluation/question.ts";
import { compareEvaluations, pooled } from "../../../../recipes/app/evaluation/scores.ts";
import { temporaryFolder } from "../../../support/bandit.ts";
import { papoHere } from "../../../support/papo-here.ts";
import { answerOf, questionOf } from "../../../support/questions.ts";

interface Turn {
  readonly model: string;
  readonly messages: readonly {
    readonly content:
      | string
      | readonly { readonly type: string; readonly text?: string; readonly image_url?: { readonly url: string } }[];
  }[];
}

/** A judge that is told what to say by a word in the response it reads. */
let server: Server;
let url = "";
const asked: Turn[] = [];
let says: Record<string, string> = {};
beforeAll(async () => {
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      const turn = JSON.parse(body) as Turn;
      asked.push(turn);
      const content = turn.messages[0]!.content;
      const text = typeof content === "string" ? content : content.map((part) => part.text ?? "").join("");
      const word = Object.keys(says).find((key) => text.includes(key));
      response.end(
        JSON.stringify({
          choices: [{ message: { content: word === undefined ? "I cannot say." : `It is so.\nclass: ${says[word]}` } }],
        }),
      );
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1/chat/completions`;
});
afterAll(() => server.close());

const png = await sharp({ create: { width: 2, height: 2, channels: 3, background: "red" } })
  .png()
  .toBuffer();
const wrong = (text: string, errorClass: string | null = null) => answerOf({ text, outcome: "wrong", errorClass });
const questions: Question[] = [
  questionOf(
    "a",
    {},
    {
      pictures: [{ original: "pictures/a.png" }],
      answers: [wrong("it saw SEEN wrongly"), answerOf({ text: "right" })],
    },
  ),
  questionOf("b", {}, { answers: [wrong("it THOUGHT wrongly"), wrong("checked by rule", "inconsistency")] }),
  questionOf("c", {}, { answers: [wrong("MUMBLED"), answerOf({ text: "right" })] }),
];
const evaluation = (): string => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "pictures"), { recursive: true });
  writeFileSync(join(folder, "pictures/a.png"), png);
  writeFileSync(join(folder, "questions.jsonl"), questions.map((question) => `${JSON.stringify(question)}\n`).join(""));
  return folder;
};
const errors = (folder: string, ...more: string[]) =>
  papoHere(["errors", folder, "--url", url, "--model", "judge-1", "--retries", "1", ...more]);

test("wrong answers without a class are asked about once, with their picture; a verdict without a class is told and asked for again", async () => {
  says = { SEEN: "**Perception**", THOUGHT: "reasoning" };
  const folder = evaluation();
  const first = await errors(folder);
  expect(first.code).toBe(1);
  expect(first.output).toMatch(
    /3 wrong answers asked about, 2 of them without a picture[\s\S]*no verdict: c, answer 0: the judge named none of perception, reasoning, [\s\S]*I cannot say[\s\S]*1 of 3 answers have no verdict/,
  );
  expect(asked).toHaveLength(3);
  const withPicture = asked.map(({ messages }) => messages[0]!.content).find((content) => typeof content !== "string");
  expect(withPicture).toEqual([
    { type: "image_url", image_url: { url: `data:image/png;base64,${png.toString("base64")}` } },
    {
      type: "text",
      text: expect.stringMatching(/How many\?[\s\S]*it saw SEEN wrongly[\s\S]*- perception: a statement/) as string,
    },
  ]);
  says = { MUMBLED: "format" };
  const second = await errors(folder);
  expect(second.code, second.output).toBe(0);
  expect(asked).toHaveLength(4);
  expect(
    readQuestions(join(folder, "questions.jsonl")).map(({ answers }) => answers.map(({ errorClass }) => errorClass)),
  ).toEqual([
    ["perception", null],
    ["reasoning", "inconsistency"],
    ["format", null],
  ]);
  expect(second.output).toMatch(/perception {2}16\.7 % \[/);
}, 60_000);

test("without a judge the classes that rules know are printed, the rest is unsorted, and nobody is asked", async () => {
  const before = asked.length;
  const folder = evaluation();
  const { code, output } = await papoHere(["errors", folder]);
  expect(code, output).toBe(0);
  expect(output).toMatch(
    /^6 answers to 3 questions, right {2}33\.3 % \[[\d.]+, [\d.]+\]\ninconsistency {2}16\.7 % .* of all answers\nunsorted {2}50\.0 % .* of all answers\nsorted by rule alone; what is unsorted takes a judge: --url and --model\n$/,
  );
  expect(asked).toHaveLength(before);
  expect((await papoHere(["errors", folder, "--url", url])).output).toContain(
    "a judge needs --url and --model, --model is missing",
  );
  expect((await papoHere(["errors", folder, "--labelled", "l.jsonl"])).output).toContain(
    "--labelled is about a judge model: give --url and --model",
  );
  expect((await papoHere(["errors", join(folder, "pictures")])).output).toContain("holds no evaluation");
  expect((await papoHere(["errors", join(folder, "nowhere")])).output).toMatch(/There is no folder .*nowhere/);
});

test("how far the judge agrees with people is printed and kept", async () => {
  says = {
    ONE: "perception",
    TWO: "perception",
    THREE: "reasoning",
    FOUR: "reasoning",
    SEEN: "perception",
    THOUGHT: "reasoning",
    MUMBLED: "format",
  };
  const folder = evaluation();
  const labelled = join(folder, "labelled.jsonl");
  const line = (response: string, label: string): string =>
    `${JSON.stringify({ question: "?", answer: "1", response, label })}\n`;
  writeFileSync(
    labelled,
    line("ONE", "perception") +
      line("TWO", "reasoning") +
      line("THREE", "reasoning") +
      line("FOUR", "reasoning") +
      line("nothing known", "format"),
  );
  const { code, output } = await errors(folder, "--labelled", labelled);
  expect(code, output).toBe(0);
  expect(output).toMatch(
    /the judge agrees with 75\.0 % \[25\.6, 96\.3\] of 4 labelled answers, kappa 0\.50; of 1 more it said nothing usable[\s\S]*labelled reasoning: perception 1, reasoning 2/,
  );
  expect(JSON.parse(readFileSync(join(folder, "agreement.json"), "utf8"))).toMatchObject({
    model: "judge-1",
    labelled: 5,
    kappa: 0.5,
  });
  writeFileSync(labelled, line("ONE", "laziness"));
  expect((await errors(folder, "--labelled", labelled)).output).toContain(
    'line 1 has the label "laziness", the rubric has perception, reasoning',
  );
}, 60_000);

test("a rubric is data: other classes, another prompt", async () => {
  says = { SEEN: "blind", THOUGHT: "blind", MUMBLED: "lazy" };
  const folder = evaluation();
  const rubric = join(folder, "rubric.json");
  writeFileSync(
    rubric,
    JSON.stringify({
      classes: { blind: "looked away", lazy: "gave up" },
      prompt: "About {response}: which of\n{classes}",
    }),
  );
  const { code, output } = await errors(folder, "--rubric", rubric, "--text-only");
  expect(code, output).toBe(0);
  expect(output).toMatch(/blind {2}33\.3 %[\s\S]*lazy {2}16\.7 %/);
  expect(asked.slice(-3).map(({ messages }) => messages[0]!.content)).toContain(
    "About it saw SEEN wrongly: which of\n- blind: looked away\n- lazy: gave up",
  );
  writeFileSync(rubric, JSON.stringify({ classes: {} }));
  expect((await errors(folder, "--rubric", rubric)).output).toContain("is no rubric");
}, 60_000);

test("two evaluations are compared error by error, in percent of the first's", () => {
  const with_ = (classes: readonly (string | null)[]): Question[] =>
    classes.map((errorClass, index) =>
      questionOf(String(index), errorClass === null ? {} : { outcome: "wrong", errorClass }),
    );
  const { value, errors: compared } = compareEvaluations(
    with_(["perception", "perception", "perception", "reasoning", null, null, null, null]),
    with_(["perception", null, null, "reasoning", "reasoning", null, null, null]),
  );
  expect(value).toBeCloseTo(-1 / 8, 12);
  expect(compared["perception"]).toMatchObject({ a: 3 / 8, b: 1 / 8, reduction: { value: 2 / 3 } });
  expect(compared["reasoning"]!.reduction.value).toBe(-1);
  const { low, high } = compared["perception"]!.reduction;
  expect(low).toBeGreaterThanOrEqual(0);
  expect(high).toBe(1);
});

test("seeds are one evaluation with all their answers, over the questions that each has", () => {
  const seed = (ids: string, outcome: string): Question[] => [...ids].map((id) => questionOf(id, { outcome }));
  const all = pooled([seed("abc", "right"), seed("bca", "wrong"), seed("cdb", "right")]);
  expect(all.map(({ id, answers }) => [id, answers.map(({ outcome }) => outcome)])).toEqual([
    ["b", ["right", "wrong", "right"]],
    ["c", ["right", "wrong", "right"]],
  ]);
  expect(pooled([seed("a", "right")])).toEqual(seed("a", "right"));
});

test("what a question names as its picture and is none is named, and not sent", async () => {
  says = { SEEN: "perception", THOUGHT: "reasoning", MUMBLED: "format" };
  const folder = evaluation();
  writeFileSync(join(folder, "pictures/a.png"), "a password");
  const before = asked.length;
  const { code, output } = await errors(folder);
  expect(code).toBe(1);
  expect(output).toMatch(/no verdict: a, answer 0: .*pictures\/a\.png is no picture that can be read/);
  expect(JSON.stringify(asked.slice(before))).not.toContain(Buffer.from("a password").toString("base64"));
});
