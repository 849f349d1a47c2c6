import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { ReportData } from "../../../../recipes/app/report/report-data.ts";
import type { RunRecord } from "../../../../recipes/app/report/run-record.ts";
import { reportPage, writeReport } from "../../../../recipes/app/report/write-report.ts";
import { exampleRun, hostileRun, hostileText as hostile } from "./example-runs.ts";

/** Text of the one script element with the page's data, and what it holds. */
const dataOf = (html: string): { text: string; data: ReportData } => {
  const text = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
  return { text, data: JSON.parse(text) as ReportData };
};

let folder: string;
let runs: RunRecord[];

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "report-"));
  runs = [await exampleRun("grpo", 1, { gain: 0.3, after: 0.76, kl: 0.1 }), await exampleRun("papo(grpo)", 1, { gain: 0.33, after: 0.775, kl: 0.27 })];
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("writeReport", () => {
  it("writes one file below a megabyte with verdict, table, curves, samples and pictures, and nothing beside it", async () => {
    const file = join(folder, "out", "report.html");
    const bytes = await writeReport(file, { title: "Two recipes", runs });
    const html = await readFile(file, "utf8");
    expect(await readdir(join(folder, "out"))).toEqual(["report.html"]);
    expect(bytes).toBe(Buffer.byteLength(html));
    expect(bytes).toBeLessThan(1_000_000);
    expect(html).toContain("papo(grpo) is better than grpo on this budget");
    expect(html).toMatch(/<th rowspan="2" scope="rowgroup">papo\(grpo\)<\/th>/);
    const { data } = dataOf(html);
    expect(data.runs.map(({ steps }) => steps.length)).toEqual([60, 60]);
    expect(data.metrics.filter(({ shown }) => shown).length).toBeGreaterThanOrEqual(7);
    expect(data.samples).toHaveLength(40);
    expect(data.samples.every(({ views }) => views.every(({ picture }) => picture !== null && data.pictures[picture]?.startsWith("data:image/webp;base64,")))).toBe(true);
  });

  it("says error by error how many of the baseline's are gone", async () => {
    const html = await reportPage({ title: "Two recipes", runs });
    const [, row = ""] = /papo\(grpo\)<br><small>against grpo<\/small><\/th><th scope="row">perception<\/th>(.*?)<\/tr>/.exec(html) ?? [];
    const share = (run: RunRecord): number => run.after!.questions.filter(({ answers }) => answers[0]!.errorClass === "perception").length / 1000;
    const [before, after] = runs.map(share);
    expect(row).toContain(`<td>${(100 * before!).toFixed(1)}</td><td>${(100 * after!).toFixed(1)}</td><td><b>${(100 * (1 - after! / before!)).toFixed(1)}</b>`);
  });

  it("refers to nothing outside the file", async () => {
    const html = await reportPage({ title: "Two recipes", runs });
    expect(html).not.toMatch(/<(link|script|img|iframe)[^>]+(src|href)=/i);
    expect(html).not.toMatch(/url\(\s*['"]?https?:|@import|\bfetch\(|XMLHttpRequest/);
  });

  it("holds scripts that parse", async () => {
    const html = await reportPage({ title: "Two recipes", runs });
    const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map((match) => match[1] ?? "");
    expect(scripts).toHaveLength(5);
    for (const script of scripts) runInNewContext(`(() => { ${script} })`);
  });

  it("draws seeds of one recipe as a band", async () => {
    const seeds = await Promise.all([1, 2, 3].map((seed) => exampleRun("grpo", seed, { gain: 0.3, after: 0.76, kl: 0.1 })));
    const { data } = dataOf(await reportPage({ title: "Seeds", runs: seeds }));
    const band = data.bands[0];
    expect(band).toMatchObject({ recipe: "grpo", runs: [0, 1, 2] });
    expect(band?.metrics["headline/reward"]?.mean).toHaveLength(60);
  });

  it("shows a run that has nothing yet", async () => {
    const empty: RunRecord = { kind: "run", name: "new", recipe: "new", seed: 0, settings: {}, steps: [], samples: [], alarms: [], before: null, after: null, folder: null, problems: [] };
    expect(await reportPage({ title: "Empty", runs: [empty] })).toContain("No evaluation sorted its answers");
  });

  it("refuses to write a report of nothing", async () => {
    await expect(reportPage({ title: "None", runs: [] })).rejects.toThrow("at least one run");
  });
});

describe("hostile text", () => {
  it("stays text wherever it comes from", async () => {
    const page = await reportPage({ title: hostile, subtitle: hostile, runs: [runs[0] as RunRecord, hostileRun(runs[1] as RunRecord)] });
    expect(page.match(/<\/script/gi)).toHaveLength(6);
    expect(page).not.toContain("<img");
    expect(page).not.toContain("<script>document");
    const { text, data } = dataOf(page);
    expect(text).not.toMatch(/[<>&\u2028\u2029]/);
    expect(data.samples.some(({ pieces }) => pieces[0] === hostile)).toBe(true);
  });

  it("cannot name a file outside the run's folder, or an address, as a picture", async () => {
    const { data } = dataOf(await reportPage({ title: "x", runs: [{ ...hostileRun(runs[1] as RunRecord), folder }] }));
    expect(data.pictures).toEqual([]);
    expect(data.samples.every(({ views }) => views.every(({ picture }) => picture === null))).toBe(true);
  });

  it("meets a policy that runs only the report's own scripts", async () => {
    const page = await reportPage({ title: "x", runs });
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy.match(/'sha256-/g)).toHaveLength(5);
    expect(policy).not.toMatch(/script-src[^;]*unsafe/);
  });
});
