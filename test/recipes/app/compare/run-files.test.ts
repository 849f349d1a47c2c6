import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { compare } from "../../../../recipes/app/commands/compare.ts";
import { checkRuns } from "../../../../recipes/app/compare/file-runs.ts";
import {
  checkAlike,
  fileVariants,
  isRunFile,
  plannedFileRuns,
  writeFileTables,
  type FileVariant,
} from "../../../../recipes/app/compare/run-files.ts";
import { papo, root } from "../../../support/command-line.ts";

const runFile = fileURLToPath(new URL("../../../../recipes/examples/run.ts", import.meta.url));
const rows = fileURLToPath(new URL("../../../../recipes/examples/data/rows.jsonl", import.meta.url));
const small = [
  "settings.steps=1",
  "settings.promptsPerStep=1",
  "settings.samplesPerPrompt=2",
  "settings.sampling.maxNewTokens=8",
  "settings.parityPrompts=0",
];

let folder = "";
/** Four of the example's rows. */
let few = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "compare-files-"));
  few = join(folder, "few.jsonl");
  const lines = readFileSync(rows, "utf8")
    .split("\n")
    .slice(0, 4)
    .map((line) => line.replaceAll("pictures/", `${join(rows, "../pictures")}/`));
  writeFileSync(few, `${lines.join("\n")}\n`);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const check = async (variants: readonly FileVariant[], unlike = false): Promise<void> => {
  const runs = plannedFileRuns({ variants, seeds: 1, firstSeed: 1, output: join(folder, "checked") });
  checkAlike(variants, await checkRuns(runs), unlike);
};

test("words are run files with options behind them, and presets in place of the first one's plugins", () => {
  expect(
    ["run.ts", "a/b.mts:settings.steps=3", "run.ts,settings.steps=3", "papo", "papo:gamma=0.1", "runs/mine"].map(
      isRunFile,
    ),
  ).toEqual([true, true, true, false, false, false]);
  expect(
    fileVariants(
      [
        "a.ts",
        'b.js,plugins.PerceptionKl.cap=1,settings.optimizer.freeze=["a","b"]',
        "papo:gamma=0.1,perception.cap=2,settings.steps=3,plugins.RandomMask.ratio=0.5",
      ],
      ["settings.seed=1"],
    ),
  ).toEqual([
    { label: "a.ts", runFile: resolve("a.ts"), set: ["settings.seed=1"] },
    {
      label: 'b.js:plugins.PerceptionKl.cap=1,settings.optimizer.freeze=["a","b"]',
      runFile: resolve("b.js"),
      set: ["settings.seed=1", "plugins.PerceptionKl.cap=1", 'settings.optimizer.freeze=["a","b"]'],
    },
    {
      label: "papo:gamma=0.1,perception.cap=2,settings.steps=3,plugins.RandomMask.ratio=0.5",
      runFile: resolve("a.ts"),
      set: [
        "settings.seed=1",
        "plugins=papo:gamma=0.1,perception.cap=2",
        "settings.steps=3",
        "plugins.RandomMask.ratio=0.5",
      ],
    },
  ]);
  // What was changed of the first one holds for the preset, but for plugins that it does not have.
  expect(fileVariants(["a.ts:plugins.Focus.threshold=1,settings.steps=2", "grpo"], [])[1]!.set).toEqual([
    "settings.steps=2",
    "plugins=grpo",
  ]);
  expect(() => fileVariants(["a.ts", "a.ts"], [])).toThrow('"a.ts" stands there twice');
  expect(() => fileVariants(["a.ts:fast"], [])).toThrow('"fast" in "a.ts:fast" is no option; write name=value');
});

test("what keeps run files from being compared is told before one is trained, with what would mend it", async () => {
  const variants = (...words: string[]): FileVariant[] => fileVariants(words, small);
  await expect(check(variants(`${runFile}:evaluation=null`, runFile))).rejects.toThrow(
    /run\.ts:evaluation=null has no evaluation to be compared by: .*--set evaluation=unseen\.jsonl/,
  );
  await expect(check(variants(runFile, `${runFile}:evaluation=${few}`))).rejects.toThrow(
    /^They are measured differently[^]*--set evaluation=…[^]*rows\.jsonl, 1 answer each[^]*few\.jsonl, 1 answer each/,
  );
  await expect(check(variants(runFile, `${runFile}:evaluation.samples=4`))).rejects.toThrow(
    /They are measured differently[^]*, 1 answer each[^]*, 4 answers each/,
  );
  const judged = join(folder, "judged.ts");
  const model = fileURLToPath(new URL("../../../../recipes/app/tasks/shapes/start-model", import.meta.url));
  writeFileSync(
    judged,
    `export default ${JSON.stringify({ model, data: rows, evaluation: rows, plugins: [], output: "o" }).slice(0, -1)}, reward: () => 0.6 };\n`,
  );
  await expect(check(variants(runFile, judged), true)).rejects.toThrow(
    /^Their rewards differ[^]*run\.ts: FunctionRewardPlugin [^]*judged\.ts: FunctionRewardPlugin /,
  );
  await expect(check(variants(runFile, `${runFile}:data=${few}`))).rejects.toThrow(
    /They train on different data[^]*rows\.jsonl[^]*few\.jsonl/,
  );
  await expect(check(variants(runFile, `${runFile}:data=${few}`), true)).resolves.toBeUndefined();
  await expect(check(variants(runFile, `${runFile}:plugins.VisualFocs.threshold=0.1`, "papoo"))).rejects.toThrow(
    /did you mean "VisualFocusPlugin"[^]*"papoo" is no preset; did you mean "papo"\?/,
  );
  await expect(check(variants(runFile, "grpo:gamma=1"))).rejects.toThrow('preset grpo takes no option "gamma"');
});

test("a run file with an option changed and a preset on its data: trained, paired, shown while one is missing, and gone on with", async () => {
  const changed = `${runFile}:plugins.VisualFocus.threshold=0.4`;
  const set = [...small, `evaluation=${few}`];
  const variants = fileVariants([changed, "grpo"], set);
  const display = { line: () => undefined, result: () => undefined };
  const asked = {
    variants,
    seeds: 1,
    firstSeed: 1,
    jobs: 2,
    baseline: changed,
    unlike: false,
    output: join(folder, "out"),
    display,
    signal: new AbortController().signal,
  };
  const words = [
    "compare",
    changed,
    "grpo",
    "--seeds",
    "1",
    "--jobs",
    "2",
    "--output",
    asked.output,
    ...set.flatMap((one) => ["--set", one]),
  ];
  const first = await papo(words, root);
  expect(first.code, first.output).toBe(0);
  expect(first.output).toMatch(
    /^grpo against .*: .*− PerceptionKlPlugin.*\n2 runs, 0 of them done already; 2 at a time\n/m,
  );
  expect(first.output).toMatch(/^\| \| recipe \|[^]*\ngrpo (?:is|cannot|and) /m);
  const linesOf = (): string[] => readFileSync(join(asked.output, "table.md"), "utf8").trimEnd().split("\n");
  expect(linesOf()[0]).toBe(`| | recipe | seeds | greedy, % | minus ${changed}, points | p (Holm) | s / step |`);
  expect(
    linesOf()
      .slice(2)
      .map((line) => line.split(" | ")[1])
      .sort(),
  ).toEqual([changed, "grpo"]);
  const summary = JSON.parse(readFileSync(join(asked.output, "runs.json"), "utf8")) as {
    task: string;
    steps: number;
    runs: { recipe: string; seed: number; right: string }[];
  };
  expect([summary.task, summary.steps, summary.runs.map(({ recipe }) => recipe)]).toEqual([few, 1, [changed, "grpo"]]);
  for (const { right, seed } of summary.runs) expect([seed, right]).toEqual([1, expect.stringMatching(/^[01]{4}$/)]);

  const [kept, lost] = plannedFileRuns(asked);
  const before = statSync(join(kept!.folder, "metrics.jsonl")).mtimeMs;
  rmSync(lost!.finished);
  await writeFileTables(asked, await checkRuns([kept!, lost!]));
  expect(linesOf()).toHaveLength(3);
  const again = await papo(words, root);
  expect(again.output).toMatch(/^2 runs, 1 of them done already; 2 at a time$/m);
  expect(linesOf()).toHaveLength(4);
  expect(statSync(join(kept!.folder, "metrics.jsonl")).mtimeMs).toBe(before);
  const otherwise = { ...asked, variants: fileVariants([changed, "grpo"], [...set, "settings.warmupSteps=3"]) };
  await expect(checkRuns(plannedFileRuns(otherwise))).rejects.toThrow(
    /was begun with another recipe.*\n {2}warmupSteps: 0 → 3\nname another --output/,
  );
}, 240_000);

test("options of the embedded tasks mean nothing to run files, and those of run files nothing to tasks", async () => {
  const told = async (...words: string[]): Promise<string> =>
    compare.run([...words, "--quiet"]).then(
      () => "nothing",
      (error: unknown) => (error as Error).message,
    );
  expect(await told(runFile, "--scenes", "50")).toBe(
    "--scenes is of the embedded tasks: a run file says what it is trained on and measured by",
  );
  expect(await told("grpo", "--set", "settings.steps=1")).toBe(
    "--set is for run files, and none is given; options of a recipe follow a colon: papo:gamma=0.04",
  );
  expect(await told(`${runFile}:settings.seed=4`)).toBe(
    "settings.seed is the comparison's own: --seeds says how many, --first-seed which",
  );
  expect(await told(runFile, "--baseline", "papo")).toBe(`--baseline papo: name one of ${runFile}`);
});
