import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { trainCommand } from "../../../../recipes/app/commands/train.ts";
import { jsonEvents, type JsonEventName } from "../../../../recipes/app/display/json-events.ts";
import { root } from "../../../support/command-line.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(root, "runs-test-"));
  cpSync(join(root, "recipes/examples"), folder, { recursive: true });
  const run = readFileSync(join(folder, "run.ts"), "utf8");
  const small = "steps: 1, promptsPerStep: 2, samplesPerPrompt: 2, checkpointEvery: 1, parityPrompts: 0";
  const changed = run
    .replace("../app/tasks/shapes/start-model", join(root, "recipes/app/tasks/shapes/start-model"))
    .replace(/settings: \{.*\},/, `settings: { ${small}, sampling: { maxNewTokens: 4 } },`)
    .replace(/\n {2}evaluation:.*/, "");
  writeFileSync(join(folder, "run.ts"), changed);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const read = (name: string): string => readFileSync(join(folder, name), "utf8");
const described = (name: string): unknown => JSON.parse(read(`${name}/run.json`));

/** The command in this process: what it prints, or its error. */
async function train(...args: string[]): Promise<string> {
  let written = "";
  const out = vi.spyOn(process.stdout, "write").mockImplementation((chunk) => {
    written += String(chunk);
    return true;
  });
  try {
    await trainCommand.run([join(folder, "run.ts"), ...args]);
    return written;
  } catch (error) {
    return (error as Error).message;
  } finally {
    out.mockRestore();
  }
}

test("values are set from outside and recorded; a resumed run keeps them; --json gives events", async () => {
  const overrides = ["settings.learningRate=1e-5", "plugins.PerceptionKlPlugin.coefficient=0.02"];
  const printed = await train(
    "--set",
    overrides[0]!,
    "--set",
    overrides[1]!,
    "--output",
    join(folder, "set"),
    "--json",
  );
  const events = printed
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as { event: JsonEventName; time: string });
  for (const { event, time: _time, ...fields } of events)
    expect(jsonEvents[event].safeParse(fields).error, event).toBeUndefined();
  expect(events.at(-1)!.event).toBe("result");
  expect(events.find(({ event }) => event === "step")).toMatchObject({
    run: "set",
    step: 1,
    steps: 1,
    metrics: (JSON.parse(read("set/metrics.jsonl")) as { metrics: object }).metrics,
  });
  const plugins = expect.arrayContaining([
    expect.objectContaining({
      name: "PerceptionKlPlugin",
      options: expect.objectContaining({ coefficient: 0.02 }) as unknown,
    }),
  ]) as unknown;
  expect(described("set")).toMatchObject({ settings: { learningRate: 1e-5 }, overrides, plugins });

  const resumed = await train("--set", "settings.steps=2", "--output", join(folder, "set"), "--resume", "--quiet");
  expect(resumed.split("\n")[0]).toBe("finished after 2 steps");
  expect(described("set")).toMatchObject({
    settings: { learningRate: 1e-5, steps: 2 },
    overrides: [...overrides, "settings.steps=2"],
    plugins,
  });
}, 60_000);

test("that run is overwritten on request alone, and only by one that begins", async () => {
  const over = (...more: string[]): Promise<string> => train("--output", join(folder, "over"), "--quiet", ...more);
  cpSync(join(folder, "set"), join(folder, "over"), { recursive: true });
  expect(await over()).toMatch(/holds a run already: resume it .* or begin anew in this one \(--overwrite\)/);
  expect(await over("--overwrite", "--set", `data=${join(folder, "absent.jsonl")}`)).toContain("absent.jsonl");
  expect(existsSync(join(folder, "over/checkpoints/step-2"))).toBe(true);
  expect(described("over")).toEqual(described("set"));
  expect(await over("--overwrite")).toContain("finished after 1 steps");
  expect(described("over")).not.toHaveProperty("overrides");
  expect(existsSync(join(folder, "over/.overwritten"))).toBe(false);
  expect(await over("--overwrite", "--resume")).toContain(
    "--overwrite begins anew and --resume goes on: give one of them",
  );
}, 90_000);

test("all that is wrong with what is set is told before anything is read", async () => {
  expect(
    (await train("--set", "settings.steps=ten", "--set", "plugins.PerceptionKl.gamma=1", "--set", "beta=2")).split(
      "\n",
    ),
  ).toEqual([
    expect.stringMatching(
      /^--set beta=2: nothing is called "beta"; did you mean --set plugins\.ReferenceKlPlugin\.coefficient=… \(beta of TRL\)\?/,
    ),
    '--set settings.steps=ten: the option "steps" is "ten", allowed is number',
    expect.stringMatching(/^--set plugins\.PerceptionKl\.gamma=1: PerceptionKlPlugin: unknown option "gamma"/),
  ]);
});
