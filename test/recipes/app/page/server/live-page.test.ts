import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { lockFolder } from "@papo/core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePageFile } from "../../../../../recipes/app/page/server/page-file.ts";
import { addressWithToken, servePage, type PageServer } from "../../../../../recipes/app/page/server/serve.ts";
import { WatchedRuns } from "../../../../../recipes/app/page/server/watched-runs.ts";
import { browserProgram, openPage, type Page } from "../../../../support/browser.ts";
import { hostileText } from "../../report/example-runs.ts";
import { appendRollout, appendStep, describeRun, newRunFolder } from "./run-folder.ts";

describe.skipIf(browserProgram === null)("a live page in a browser", () => {
  const [first, second] = [newRunFolder(), newRunFolder()];
  const asked: string[] = [];
  let server: PageServer;
  let page: Page;
  const lock = lockFolder(first);

  beforeAll(async () => {
    for (const folder of [first, second]) {
      describeRun(folder, 50);
      appendStep(folder, 1, 0.25);
    }
    writePageFile(first, { address: "http://127.0.0.1:9", token: "other", state: "running" });
    const control = async (run: number, action: string): Promise<null> => {
      asked.push(`${run} ${action}`);
      writePageFile(first, {
        address: "http://127.0.0.1:9",
        token: "other",
        state: action === "pause" ? "paused" : action === "stop" ? "stopping" : "running",
      });
      return null;
    };
    server = await servePage({
      runs: new WatchedRuns([first, second]),
      title: "two runs",
      port: 0,
      token: "secret",
      control,
    });
    page = await openPage(addressWithToken(server.address, "secret"));
    await page.until("the first step is drawn", `document.querySelectorAll(".chart canvas").length >= 2`);
  }, 60_000);
  afterAll(async () => {
    await page?.close();
    await server?.close();
    lock.release();
    for (const folder of [first, second]) rmSync(folder, { recursive: true });
  });

  test("curves of both runs grow as their steps come, without a reload", async () => {
    await page.evaluate("window.sameDocument = true");
    for (const step of [2, 3]) appendStep(first, step, 0.25 * step);
    appendStep(second, 2, 0.125);
    await page.until(
      "the newest values are read out",
      `[...document.querySelectorAll(".chart .readout .value b")].slice(0, 2).map((node) => node.textContent).join() === "0.75,0.125"`,
    );
    expect(
      await page.evaluate(`[...document.querySelectorAll("#run-table progress")].map((bar) => bar.value)`),
    ).toEqual([3, 2]);
    expect(await page.evaluate("window.sameDocument && document.title")).toBe("3/50 · two runs");
  });

  test("new rollouts wait behind a button once a page of them is read; hostile ones stay text", async () => {
    for (let step = 1; step <= 14; step++) appendRollout(first, step);
    await page.until("a page of rollouts", `document.querySelectorAll("#rollout-list .sample").length === 12`);
    appendRollout(first, 20, {
      question: hostileText,
      pieces: [hostileText],
      notes: { verdict: hostileText },
      pictures: [{ views: { [hostileText]: "javascript:alert(1)", other: "../run.json" } }],
    });
    await page.until(
      "the button",
      `[...document.querySelectorAll("#rollout-filters button")].some((node) => node.textContent === "show 1 new rollout")`,
    );
    expect(await page.evaluate(`document.querySelector("#rollout-list .where").textContent`)).toContain("step 14");
    await page.evaluate(
      `[...document.querySelectorAll("#rollout-filters button")].find((node) => node.textContent === "show 1 new rollout").click()`,
    );
    await page.until(
      "the new one",
      `document.querySelector("#rollout-list .question")?.textContent.includes("window.owned=true")`,
    );
    expect(await page.evaluate("window.owned === undefined && document.querySelectorAll('script').length")).toBe(2);
  });

  test("a run is paused, resumed and stopped, the last after asking again; the token leaves the address", async () => {
    expect(await page.evaluate("location.hash")).toBe("");
    const press = async (key: string): Promise<void> => {
      await page.until(`the button ${key}`, `document.querySelector('[data-key="${key}"]')?.disabled === false`);
      await page.evaluate(`document.querySelector('[data-key="${key}"]').click()`);
    };
    const stateIs = (words: string): Promise<void> =>
      page.until(words, `document.querySelector("#run-table .state").textContent === ${JSON.stringify(words)}`);
    expect(await page.evaluate(`document.querySelectorAll("#run-table tr:nth-child(2) button").length`)).toBe(0);
    await stateIs("running");
    await press("pause 0");
    await stateIs("paused");
    await press("pause 0");
    await stateIs("running");
    await press("stop 0");
    expect(asked).toEqual(["0 pause", "0 resume"]);
    await press("confirm 0");
    await stateIs("stops after this step");
    expect(asked).toEqual(["0 pause", "0 resume", "0 stop"]);
  });

  test("without the token, and at 390 px, the page only shows, says why, and cuts nothing", async () => {
    const other = await openPage(server.address, { width: 390, scheme: "dark" });
    await other.until("the runs", `document.querySelectorAll("#run-table .state").length === 2`);
    expect(await other.evaluate(`document.querySelectorAll("#run-table button").length`)).toBe(0);
    expect(await other.evaluate(`document.querySelector("#run-table .note").textContent`)).toContain(
      "it ends in a token",
    );
    // On a telephone everything stands within the screen, and no name or interval is cut or broken.
    await other.until("rollouts", `document.querySelectorAll("#rollout-list .sample").length > 0`);
    expect(
      await other.evaluate(
        `[...document.querySelectorAll("main *")].filter((node) => node.getBoundingClientRect().right > 390.5).map((node) => node.outerHTML.slice(0, 80))`,
      ),
    ).toEqual([]);
    expect(await other.evaluate("document.documentElement.scrollWidth")).toBe(390);
    expect(
      await other.evaluate(
        `[...document.querySelectorAll(".about code, .numbers-table td small")].filter((node) => node.getBoundingClientRect().height > 24).map((node) => node.textContent)`,
      ),
    ).toEqual([]);
    await other.close();
  });

  test("alarms come to the top, and nothing went wrong in the page", async () => {
    writeFileSync(
      join(first, "alarms.jsonl"),
      `${JSON.stringify({ kind: "alarm", step: 3, plugin: "CollapseDetectorPlugin", message: hostileText })}\n`,
    );
    await page.until(
      "the alarm",
      `!document.querySelector("#alarms").hidden && document.querySelector("#alarm-list li").textContent.includes("CollapseDetectorPlugin")`,
    );
    expect(await page.evaluate(`document.querySelector('nav a[href="#alarms"]').textContent`)).toBe("Alarms (1)");
    // A picture outside the run's folder is not found: its frame stays empty.
    expect(page.errors.filter((error) => !error.includes("404"))).toEqual([]);
  });
});
