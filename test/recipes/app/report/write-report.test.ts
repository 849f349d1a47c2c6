import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInNewContext } from "node:vm";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { FrozenPage } from "../../../../recipes/app/page/contract.ts";
import { allRollouts, rolloutsOf } from "../../../../recipes/app/report/rollouts.ts";
import type { RunRecord, SampleRow } from "../../../../recipes/app/report/run-record.ts";
import { reportLimits, reportPage, writeReport } from "../../../../recipes/app/report/write-report.ts";
import { exampleRun, hostileRun, hostileText as hostile } from "./example-runs.ts";

/** Text of the one script element with the page's data, and what it holds. */
const dataOf = (html: string): { text: string; data: FrozenPage } => {
  const text = /<script type="application\/json" id="data">(.*?)<\/script>/s.exec(html)?.[1] ?? "";
  return { text, data: JSON.parse(text) as FrozenPage };
};

let folder: string;
let runs: RunRecord[];

let html: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "report-"));
  runs = [
    await exampleRun("grpo", 1, { gain: 0.3, after: 0.76, kl: 0.1 }),
    await exampleRun("papo(grpo)", 1, { gain: 0.33, after: 0.775, kl: 0.27 }),
  ];
});
beforeAll(async () => {
  html = await reportPage({ title: "Two recipes", runs });
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("writeReport", () => {
  it("writes one file below a megabyte with verdict, table, curves, samples and pictures, and nothing beside it", async () => {
    const file = join(folder, "out", "report.html");
    const bytes = await writeReport(file, { title: "Two recipes", runs });
    expect(await readFile(file, "utf8")).toBe(html);
    expect(await readdir(join(folder, "out"))).toEqual(["report.html"]);
    expect(bytes).toBe(Buffer.byteLength(html));
    expect(bytes).toBeLessThan(1_000_000);
    expect(html).toContain("papo(grpo) is better than grpo on this budget");
    const { data } = dataOf(html);
    expect(data.overview.runs.map(({ step }) => step)).toEqual([60, 60]);
    expect(
      data.curves.curves.filter(({ metric }) => metric === "headline/reward").map(({ steps }) => steps.length),
    ).toEqual([60, 60]);
    expect(data.overview.metrics.filter(({ shown }) => shown).length).toBeGreaterThanOrEqual(7);
    expect(data.records).toHaveLength(40);
    expect(
      data.records.every(({ views }) =>
        views.every(
          ({ picture }) => typeof picture === "number" && data.pictures[picture]?.startsWith("data:image/webp;base64,"),
        ),
      ),
    ).toBe(true);
  });

  it("says error by error how many of the baseline's are gone", () => {
    const { data } = dataOf(html);
    const table = data.overview.sections.errors.find((block) => block.kind === "table")!;
    const [group] = table.groups;
    expect(group).toMatchObject({ head: "papo(grpo)", small: "against grpo" });
    const share = (run: RunRecord): number =>
      run.after!.questions.filter(({ answers }) => answers[0]!.errorClass === "perception").length / 1000;
    const [before, after] = runs.map(share) as [number, number];
    const texts = group!.rows.find(({ head }) => head === "perception")!.cells.map((cell) => cell?.text);
    expect(texts).toEqual([before, after, 1 - after / before].map((value) => (100 * value).toFixed(1)));
  });

  it("has a ledger per recipe, and settings that differ before those that are equal", () => {
    const { ledger, settings } = dataOf(html).data.overview.sections;
    expect(ledger.map((block) => block.kind === "note" && block.text)).toEqual(["No run kept a ledger."]);
    const [differing, rest] = settings;
    expect(differing).toMatchObject({
      kind: "table",
      groups: [
        { rows: [{ head: "recipe" }, { head: "gamma", cells: [null, { text: "0.01" }] }, { head: "maskRatio" }] },
      ],
    });
    expect(rest).toMatchObject({ kind: "fold", summary: "6 settings that are equal" });
  });

  it("refers to nothing outside the file", () => {
    expect(html).not.toMatch(/<(link|script|img|iframe)[^>]+(src|href)="(?!data:)/i);
    expect(html).not.toMatch(/url\(\s*['"]?https?:|@import|XMLHttpRequest/);
  });

  it("holds scripts that parse", () => {
    const scripts = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map((match) => match[1] ?? "");
    expect(scripts).toHaveLength(2);
    for (const script of scripts) runInNewContext(`(() => { ${script} })`);
  });

  it("shows at most 2,000 rollouts, spread evenly over the steps, and says of how many", async () => {
    const rows = Array.from({ length: 3000 }, (_, at): SampleRow => ({
      ...allRollouts(runs[0]!.rollouts)[0]!,
      step: 1 + Math.floor(at / 3),
      index: at % 3,
      key: `row-${at}`,
      pictures: [],
    }));
    const many = { ...runs[0]!, before: null, after: null, rollouts: rolloutsOf(rows) };
    const [first, second] = [
      dataOf(await reportPage({ title: "Many", runs: [many] })),
      dataOf(await reportPage({ title: "Many", runs: [many] })),
    ];
    expect(first.text).toBe(second.text);
    const { rollouts, records } = first.data;
    expect([rollouts.total, records.length, rollouts.step.length]).toEqual([3000, 2000, 2000]);
    expect(rollouts.step).toEqual(Array.from({ length: 2000 }, (_, at) => 1 + Math.floor(at / 2)));
  });

  it("stays within 30 MB: long rollouts are fewer, from the first step to the last", async () => {
    const long = {
      ...allRollouts(runs[0]!.rollouts)[0]!,
      pieces: Array.from({ length: 1500 }, () => "word "),
      logProbs: Array.from({ length: 1500 }, (_, at) => -1 / (at + 3)),
      pictures: [],
    };
    const rows = Array.from({ length: 2000 }, (_, at): SampleRow => ({ ...long, step: at + 1, key: `row-${at}` }));
    const page = await reportPage({
      title: "Long",
      runs: [{ ...runs[0]!, before: null, after: null, rollouts: rolloutsOf(rows) }],
    });
    expect(Buffer.byteLength(page)).toBeLessThanOrEqual(reportLimits.bytes);
    const {
      rollouts: { step, total },
    } = dataOf(page).data;
    expect(total).toBe(2000);
    expect(step.length).toBeGreaterThan(200);
    expect([step[0], step.at(-1)]).toEqual([1, 2000]);
    expect(Math.max(...step.slice(1).map((value, at) => value - step[at]!))).toBeLessThan(4 * (2000 / step.length));
  });

  it("shows a run that has nothing yet", async () => {
    const empty: RunRecord = {
      kind: "run",
      name: "new",
      recipe: "new",
      seed: 0,
      settings: {},
      steps: [],
      rollouts: rolloutsOf([]),
      alarms: [],
      before: null,
      after: null,
      folder: null,
      problems: [],
    };
    expect(await reportPage({ title: "Empty", runs: [empty] })).toContain("No evaluation sorted its answers");
  });

  it("refuses to write a report of nothing", async () => {
    await expect(reportPage({ title: "None", runs: [] })).rejects.toThrow("at least one run");
  });
});

describe("hostile text", () => {
  it("stays text wherever it comes from", async () => {
    const page = await reportPage({
      title: hostile,
      subtitle: hostile,
      runs: [runs[0] as RunRecord, hostileRun(runs[1] as RunRecord)],
    });
    expect(page.match(/<\/script/gi)).toHaveLength(3);
    expect(page).not.toContain("<img");
    expect(page).not.toContain("<script>document");
    const { text, data } = dataOf(page);
    expect(text).not.toMatch(/[<>&\u2028\u2029]/);
    expect(data.records.some(({ pieces }) => pieces[0] === hostile)).toBe(true);
  });

  it("cannot name a file outside the run's folder, or an address, as a picture", async () => {
    const { data } = dataOf(await reportPage({ title: "x", runs: [{ ...hostileRun(runs[1] as RunRecord), folder }] }));
    expect(data.pictures).toEqual([]);
    expect(data.records.every(({ views }) => views.every(({ picture }) => picture === null))).toBe(true);
  });

  it("meets a policy that runs only the report's own scripts and styles, and fetches nothing", () => {
    const policy = /Content-Security-Policy" content="([^"]+)"/.exec(html)?.[1] ?? "";
    expect(policy).toContain("default-src 'none'");
    expect(policy.match(/'sha256-/g)).toHaveLength(3);
    expect(policy).not.toMatch(/unsafe|connect-src/);
  });
});
