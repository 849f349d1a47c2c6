import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Question } from "../../../../recipes/app/evaluation/question.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";
import { writeReport } from "../../../../recipes/app/report/write-report.ts";
import { browserProgram, openPage, type Page } from "../../../support/browser.ts";
import { answerOf, questionOf } from "../../../support/questions.ts";
import { exampleRun, hostileRun, hostileText } from "./example-runs.ts";

const picture = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ask = (id: string, texts: readonly (readonly [text: string, right: boolean, errorClass: string | null])[], kind: string): Question =>
  questionOf(id, {}, { question: `Question ${id}?`, categories: { kind }, pictures: [{ original: picture }], answers: texts.map(([text, right, errorClass]) => answerOf({ text, outcome: right ? "right" : "wrong", errorClass })) });

const withQuestions = (run: RunRecord, questions: readonly Question[]): RunRecord => ({ ...run, before: null, after: { ...run.after!, questions } });

describe.skipIf(browserProgram === null)("in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  let [plain, hostile]: Page[] = [];
  beforeAll(async () => {
    const [a, b] = [await exampleRun("grpo", 1, { gain: 0.3, after: 0.76, kl: 0.1 }), await exampleRun("papo(grpo)", 1, { gain: 0.33, after: 0.775, kl: 0.27 })];
    const first = withQuestions(a, [ask("one", [["it is 1", true, null]], "count"), ask("two", [["it is 7", false, "perception"]], "sum"), ask("three", [["it is 9", false, "reasoning"]], "sum")]);
    const second = withQuestions(b, [ask("one", [["surely 1", true, null]], "count"), ask("two", [["it is 1", true, null]], "sum"), ask("three", [["it is 8", false, "perception"]], "sum")]);
    await writeReport(join(folder, "plain.html"), { title: "Plain", runs: [first, second] });
    await writeReport(join(folder, "hostile.html"), { title: hostileText, subtitle: hostileText, runs: [a, hostileRun(b)] });
    [plain, hostile] = [await openPage(join(folder, "plain.html")), await openPage(join(folder, "hostile.html"))];
  }, 60_000);
  afterAll(async () => {
    await Promise.all([plain?.close(), hostile?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const idsShown = `[...document.querySelectorAll("#questions .words > .where")].map((node) => node.textContent)`;
  /** Choose in the filter with this label, or type into the search. */
  const choose = (label: string, value: string): string => `(() => {
    const box = ${label === "words" ? 'document.querySelector("#question-filters input")' : `[...document.querySelectorAll("#question-filters label")].find((node) => node.textContent.startsWith(${JSON.stringify(label)})).querySelector("select")`};
    box.value = ${JSON.stringify(value)};
    box.dispatchEvent(new Event("change"));
    return ${idsShown};
  })()`;

  test("each question stands with its picture and every run's answer, verdict and error", async () => {
    expect(await plain!.evaluate(idsShown)).toEqual(["one", "two", "three"]);
    const text = (await plain!.evaluate(`document.querySelectorAll("#questions .sample")[1].innerText`)) as string;
    for (const words of ["Question two?", "answer: 1", "grpo, seed 1", "it is 7", "perception", "papo(grpo), seed 1", "it is 1"]) expect(text).toContain(words);
    expect(await plain!.evaluate(`[...document.querySelectorAll("#questions img")].every((image) => image.complete && image.naturalWidth === 1)`)).toBe(true);
  });

  test("questions are filtered by run, verdict, category, words and difference, and sorted", async () => {
    expect(await plain!.evaluate(choose("verdict", "perception"))).toEqual(["three"]);
    expect(await plain!.evaluate(choose("run", "0"))).toEqual(["two"]);
    expect(await plain!.evaluate(choose("verdict", ""))).toEqual(["one", "two", "three"]);
    expect(await plain!.evaluate(choose("category", JSON.stringify(["kind", "sum"])))).toEqual(["two", "three"]);
    expect(await plain!.evaluate(choose("category", ""))).toEqual(["one", "two", "three"]);
    expect(await plain!.evaluate(choose("words", "SURELY"))).toEqual(["one"]);
    expect(await plain!.evaluate(choose("words", ""))).toHaveLength(3);
    expect(await plain!.evaluate(choose("order", "worst"))).toEqual(["two", "three", "one"]);
    expect(await plain!.evaluate(choose("order", "spread"))).toEqual(["two", "one", "three"]);
    expect(await plain!.evaluate(`document.querySelector("#question-filters button").click(), ${idsShown}`)).toEqual(["two"]);
  });

  test("hostile text stays text: nothing of it runs, loads, or becomes an element", async () => {
    expect(await hostile!.evaluate("document.title")).toBe(hostileText);
    expect(await hostile!.evaluate("window.owned === undefined")).toBe(true);
    expect(await hostile!.evaluate(`[...document.querySelectorAll("script")].length`)).toBe(6);
    expect(await hostile!.evaluate(`[...document.querySelectorAll("img, iframe, object, svg image")].filter((node) => !(node.getAttribute("src") ?? "").startsWith("data:image/webp")).length`)).toBe(0);
    expect(await hostile!.evaluate(`[...document.querySelectorAll("*")].flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith("on")).length`)).toBe(0);
    expect(await hostile!.evaluate(choose("words", "owned"))).toEqual([hostileText]);
    expect(await hostile!.evaluate(`document.querySelector("#questions .question").textContent`)).toContain(hostileText);
    expect((await hostile!.evaluate(`document.querySelector("#questions .response").textContent`)) as string).toContain(hostileText);
    expect(await hostile!.evaluate(`performance.getEntriesByType("resource").filter(({ name }) => !name.startsWith("data:")).length`)).toBe(0);
  });
});
