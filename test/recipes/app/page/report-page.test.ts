import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Question } from "../../../../recipes/app/evaluation/question.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";
import { writeReport } from "../../../../recipes/app/report/write-report.ts";
import { browserProgram, openPage, type Page } from "../../../support/browser.ts";
import { answerOf, questionOf } from "../../../support/questions.ts";
import { exampleRun, hostileRun, hostileText } from "../report/example-runs.ts";

const picture =
  "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const ask = (
  id: string,
  texts: readonly (readonly [text: string, right: boolean, errorClass: string | null])[],
  kind: string,
): Question =>
  questionOf(
    id,
    {},
    {
      question: `Question ${id}?`,
      categories: { kind },
      pictures: [{ original: picture }],
      answers: texts.map(([text, right, errorClass]) =>
        answerOf({ text, outcome: right ? "right" : "wrong", errorClass }),
      ),
    },
  );

const withQuestions = (run: RunRecord, questions: readonly Question[]): RunRecord => ({
  ...run,
  before: null,
  after: { ...run.after!, questions },
});

describe.skipIf(browserProgram === null)("a report in a browser", () => {
  const folder = mkdtempSync(join(tmpdir(), "page-"));
  let [plain, narrow, hostile]: Page[] = [];
  beforeAll(async () => {
    const a = await exampleRun("grpo", 1, { gain: 0.3, after: 0.76, kl: 0.1 });
    const b = await exampleRun("papo(grpo)", 1, { gain: 0.33, after: 0.775, kl: 0.27 });
    const first = withQuestions(a, [
      ask("one", [["it is 1", true, null]], "count"),
      ask("two", [["it is 7", false, "perception"]], "sum"),
      ask("three", [["it is 9", false, "reasoning"]], "sum"),
    ]);
    const second = withQuestions(b, [
      ask("one", [["surely 1", true, null]], "count"),
      ask("two", [["it is 1", true, null]], "sum"),
      ask("three", [["it is 8", false, "perception"]], "sum"),
    ]);
    const third = { ...second, name: "papo(grpo), seed 2", seed: 2 };
    await writeReport(join(folder, "plain.html"), { title: "Plain", runs: [first, second, third] });
    await writeReport(join(folder, "hostile.html"), {
      title: hostileText,
      subtitle: hostileText,
      runs: [withQuestions(a, [ask("one", [["1", true, null]], "count")]), hostileRun(b)],
    });
    plain = await openPage(join(folder, "plain.html"));
    narrow = await openPage(join(folder, "plain.html"), { width: 390, scheme: "dark" });
    hostile = await openPage(join(folder, "hostile.html"));
    for (const page of [plain, narrow, hostile])
      await page.until("questions are drawn", `document.querySelectorAll("#question-list .sample").length > 0`);
  }, 60_000);
  afterAll(async () => {
    await Promise.all([plain?.close(), narrow?.close(), hostile?.close()]);
    rmSync(folder, { recursive: true, force: true });
  });

  const idsShown = `[...document.querySelectorAll("#question-list .words > .where")].map((node) => node.textContent)`;
  /** Choose in the filter with this label, or type into the search. */
  const choose = (label: string, value: string): string => `(() => {
    const box = ${label === "words" ? 'document.querySelector("#question-filters input")' : `[...document.querySelectorAll("#question-filters label")].find((node) => node.textContent.startsWith(${JSON.stringify(label)})).querySelector("select")`};
    box.value = ${JSON.stringify(value)};
    box.dispatchEvent(new Event("change"));
    return ${idsShown};
  })()`;

  test("each question stands with its picture and every run's answer, verdict and error", async () => {
    expect(await plain!.evaluate(idsShown)).toEqual(["one", "two", "three"]);
    const text = (await plain!.evaluate(`document.querySelectorAll("#question-list .sample")[1].innerText`)) as string;
    for (const words of [
      "Question two?",
      "answer: 1",
      "grpo, seed 1",
      "it is 7",
      "perception",
      "papo(grpo), seed 1",
      "it is 1",
    ])
      expect(text).toContain(words);
    await plain!.until(
      "pictures are decoded",
      `[...document.querySelectorAll("#question-list img")].every((image) => image.complete && image.naturalWidth === 1)`,
    );
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
    expect(await plain!.evaluate(`document.querySelector("#question-filters button").click(), ${idsShown}`)).toEqual([
      "two",
    ]);
  });

  test("every chart says what it shows and which way is good, names its axis, and reads its values to the keyboard", async () => {
    const charts = (await plain!.evaluate(
      `[...document.querySelectorAll(".chart")].map((chart) => chart.querySelector("figcaption").innerText)`,
    )) as string[];
    expect(charts.length).toBeGreaterThanOrEqual(7);
    for (const text of charts)
      expect(text).toMatch(/\S\n\n?.{10}[^]*(higher is better|lower is better|neither way is good in itself)/);
    expect(await plain!.evaluate(`[...document.querySelectorAll(".chart .plot canvas")].length`)).toBe(charts.length);
    await plain!.evaluate(`document.querySelector(".chart").focus()`);
    await plain!.press("Home");
    expect(await plain!.evaluate(`document.querySelector(".chart .readout").innerText`)).toMatch(/^step 1\b/);
    await plain!.press("ArrowRight");
    expect(await plain!.evaluate(`document.querySelector(".chart .unseen").textContent`)).toMatch(/^step 2 .*\d/);
    // The others show the same step; two recipes, the seeds of one as a band.
    expect(
      await plain!.evaluate(
        `[...document.querySelectorAll(".chart")].map((chart) => chart.querySelector(".readout .where").textContent)`,
      ),
    ).toEqual(charts.map(() => "step 2"));
    expect(
      await plain!.evaluate(
        `[...document.querySelector(".chart").querySelectorAll(".readout .value")].map((node) => node.title)`,
      ),
    ).toEqual(["grpo, seed 1", "papo(grpo) (2 seeds)"]);
    await plain!.press("Escape");
    expect(await plain!.evaluate(`document.querySelector(".chart .readout").innerText`)).toMatch(/^newest/);
  });

  test("runs can be hidden, metrics added, and rollouts' tokens read by arrow keys and coloured anew", async () => {
    await plain!.evaluate(`document.querySelector("#run-table input").click()`);
    await plain!.until(
      "one recipe is left",
      `document.querySelector(".chart").querySelectorAll(".readout .value").length === 1`,
    );
    const drawn = (await plain!.evaluate(`document.querySelectorAll(".chart").length`)) as number;
    await plain!.evaluate(
      `[...document.querySelectorAll("#chart-controls button")].find((node) => node.textContent === "loss/policy").click()`,
    );
    await plain!.until("its chart is there", `document.querySelectorAll(".chart").length === ${drawn + 1}`);
    await plain!.evaluate(`document.querySelector("#rollout-list .response").focus()`);
    for (const key of ["ArrowRight", "ArrowRight"]) await plain!.press(key);
    expect(await plain!.evaluate(`document.querySelector("#rollout-list .facts").textContent`)).toMatch(
      / 2 of \d+: .*advantage .*surprise/,
    );
    const background = `document.querySelector("#rollout-list .response span").style.background`;
    const before = await plain!.evaluate(background);
    await plain!.evaluate(
      `[...document.querySelectorAll("#rollout-filters button")].find((node) => node.textContent === "surprise").click()`,
    );
    expect(await plain!.evaluate(background)).not.toBe(before);
    expect(await plain!.evaluate(`document.querySelector("#rollout-list .note").textContent`)).toMatch(/^60 rollouts/);
  });

  test("on a narrow screen nothing is cut or scrolls sideways, and every part can be reached by keyboard with its focus seen", async () => {
    expect(
      await narrow!.evaluate(
        "innerWidth === 390 && document.documentElement.scrollWidth === document.documentElement.clientWidth",
      ),
    ).toBe(true);
    expect(
      await narrow!.evaluate(
        `[...document.querySelectorAll(".wide, td, th, figcaption, .chart")].filter((node) => node.clientWidth > 1 && node.scrollWidth > node.clientWidth + 1).map((node) => node.className + node.textContent)`,
      ),
    ).toEqual([]);
    expect(
      await narrow!.evaluate(
        `[...document.querySelectorAll("nav a")].filter((link) => !link.hidden && document.querySelector(link.hash) === null).length`,
      ),
    ).toBe(0);
    await narrow!.press("Tab");
    expect(
      await narrow!.evaluate(
        `document.activeElement.closest("nav") !== null && getComputedStyle(document.activeElement).outlineStyle`,
      ),
    ).toBe("solid");
    expect(
      await narrow!.evaluate(
        `[".chart", "#rollout-list .sample", "#question-list .sample", "#run-table input"].every((name) => document.querySelector(name).tabIndex === 0)`,
      ),
    ).toBe(true);
  });

  test("hostile text stays text: nothing of it runs, loads, or becomes an element", async () => {
    expect(await hostile!.evaluate("document.title")).toBe(hostileText);
    expect(await hostile!.evaluate("window.owned === undefined")).toBe(true);
    expect(await hostile!.evaluate(`[...document.querySelectorAll("script")].length`)).toBe(3);
    expect(
      await hostile!.evaluate(
        `[...document.querySelectorAll("img, iframe, object, svg image")].filter((node) => !(node.getAttribute("src") ?? "").startsWith("data:image/webp")).length`,
      ),
    ).toBe(0);
    expect(
      await hostile!.evaluate(
        `[...document.querySelectorAll("*")].flatMap((node) => node.getAttributeNames()).filter((name) => name.startsWith("on")).length`,
      ),
    ).toBe(0);
    expect(await hostile!.evaluate(choose("words", "owned"))).toEqual([hostileText]);
    for (const [place, count] of [
      ["#question-list .question", 1],
      ["#question-list .response", 1],
      ["#rollout-list .question", 1],
      ["#alarm-list li", 2],
      ["#run-table .run-name span", 1],
      ["#settings-blocks td", 1],
    ] as const) {
      expect(
        await hostile!.evaluate(
          `[...document.querySelectorAll(${JSON.stringify(place)})].filter((node) => node.textContent.includes("window.owned=true")).length >= ${count}`,
        ),
        place,
      ).toBe(true);
    }
    expect(
      await hostile!.evaluate(
        `performance.getEntriesByType("resource").filter(({ name }) => !name.startsWith("data:")).length`,
      ),
    ).toBe(0);
    for (const page of [plain!, narrow!, hostile!]) expect(page.errors).toEqual([]);
  });
});
