/**
 * The live page of a run of 10,000 steps and 100,000 rollouts, served by `papo watch` and opened in Chromium: when it
 * is painted, when it is drawn, what it holds.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { openPage } from "../test/support/browser.ts";
import { writeLargeRun } from "./page-run.ts";
import { median } from "./statistics.ts";

const size = { steps: 10_000, rollouts: 100_000, tokens: 100 };

interface Loaded {
  /** Milliseconds from asking for the page. */
  readonly paint: number;
  readonly curves: number;
  readonly rollouts: number;
  /** JavaScript heap after a collection, bytes. */
  readonly heap: number;
}

/** Starts the server. */
async function watch(folder: string): Promise<{ readonly child: ChildProcess; readonly address: string }> {
  const child = spawn(
    process.execPath,
    [fileURLToPath(new URL("../recipes/papo.mjs", import.meta.url)), "watch", folder, "--port", "0"],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const address = await new Promise<string>((resolve, reject) => {
    child.once("exit", (code) => reject(new Error(`papo watch ended with ${code}`)));
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      const found = /http:\/\/\S+/.exec(text)?.[0];
      if (found !== undefined) resolve(found);
    });
  });
  return { child, address };
}

async function load(address: string): Promise<Loaded> {
  const page = await openPage(address);
  const when = async (what: string, expression: string): Promise<number> => {
    await page.until(what, expression, 120);
    return (await page.evaluate("performance.now()")) as number;
  };
  const curves = await when("curves are drawn", `document.querySelectorAll(".chart canvas").length >= 5`);
  const rollouts = await when("rollouts are drawn", `document.querySelectorAll("#rollout-list .sample").length > 0`);
  await page.until(
    "all rollouts are known",
    `document.querySelector("#rollout-list .note").textContent.startsWith("${size.rollouts.toLocaleString("en")} rollouts")`,
    300,
  );
  const paint = (await page.evaluate(`performance.getEntriesByName("first-contentful-paint")[0].startTime`)) as number;
  const heap = await page.heap();
  await page.close();
  return { paint, curves, rollouts, heap };
}

const residentOf = ({ pid }: ChildProcess): number =>
  Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? Number.NaN) / 1024;

/** @returns rows of the results' table. @param line makes one of: figure, here, goal */
export async function pageRows(
  root: string,
  repeats: number,
  line: (figure: string, here: string, goal: string) => string,
): Promise<string[]> {
  const folder = await writeLargeRun(join(root, "page", `${size.steps}-${size.rollouts}-${size.tokens}`), size);
  const { child, address } = await watch(folder);
  try {
    // The first comes while the server still reads its rollouts.
    const first = await load(address);
    const later: Loaded[] = [];
    for (let round = 0; round < repeats; round++) later.push(await load(address));
    const over = (of: (loaded: Loaded) => number, digits = 0): string =>
      `${median(later.map(of)).toFixed(digits)} [${Math.min(...later.map(of)).toFixed(digits)}, ${Math.max(...later.map(of)).toFixed(digits)}]`;
    const name = `page of ${size.steps.toLocaleString("en")} steps and ${size.rollouts.toLocaleString("en")} rollouts`;
    return [
      line(
        `${name}: first paint, ms`,
        `${over(({ paint }) => paint)}; ${first.paint.toFixed(0)} while the server still reads`,
        "≤ 1,000",
      ),
      line(
        "the same, curves drawn, ms",
        `${over(({ curves }) => curves)}; ${first.curves.toFixed(0)} while it reads`,
        "",
      ),
      line(
        "the same, first rollouts drawn, ms",
        over(({ rollouts }) => rollouts),
        "",
      ),
      line(
        "the same, JavaScript heap of the page, MB",
        over(({ heap }) => heap / 1e6, 1),
        "≤ 300",
      ),
      line("the same, resident memory of the server, MiB", residentOf(child).toFixed(0), ""),
    ];
  } finally {
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGINT");
    await ended;
  }
}
