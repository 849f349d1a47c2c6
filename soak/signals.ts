/**
 * SIGTERM and SIGINT at random instants, and in the shortest phases: the run ends by itself with their exit codes and
 * without a stack, and, resumed, as one that was left alone. So do other commands that train.
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, tally, type Result } from "./part.ts";
import { marks, runChild, runCommand, type Sent } from "./smallest/child.ts";
import { contents, differences } from "./smallest/contents.ts";
import { atOnce, uniform } from "./smallest/random.ts";

const preset = "papo-d";
/** What a run ends with that a signal stopped. */
export const codes = { SIGTERM: 143, SIGINT: 130 } as const;
const raw = /\n {4}at |terminate called|Napi|undefined|\[object/;

/**
 * It was done before, or ended with the signal's code. A process whose program has not begun hears nothing: the signal
 * itself ends it, which a shell gives the same code.
 */
const endedBy = (signal: keyof typeof codes, ended: number | NodeJS.Signals, said: string): boolean =>
  ended === 0 || ended === codes[signal] || (ended === signal && said === "");

/**
 * Every fourth comes anywhere between the start of the process and its end; two of four while it works; of the rest
 * half while a checkpoint is written, half while the report is.
 */
function momentOf(
  signal: keyof typeof codes,
  index: number,
  lasts: number,
  worked: number,
): Pick<Sent, "after" | "milliseconds"> {
  const drawn = uniform(signal, index);
  if (index % 4 === 0) return { after: /(?:)/, milliseconds: drawn * lasts };
  if (index % 4 === 3) return { after: index % 8 === 3 ? marks.checkpoint : marks.report, milliseconds: drawn * 40 };
  return { after: /evaluating|at /, milliseconds: drawn * worked };
}

export async function signals(count: number): Promise<readonly Result[]> {
  const folder = join(root, "runs/soak/signals");
  rmSync(folder, { recursive: true, force: true });
  const whole = join(folder, "whole");
  const started = Date.now();
  const alone = await runChild({ preset, output: whole });
  const lasts = Date.now() - started;
  if (alone.ended !== 0)
    return [{ tried: "the run that nobody stops", found: `it ended with ${alone.ended}`, held: false }];
  const right = contents(whole);
  /** Null: as it should be. */
  const stop = async (
    signal: keyof typeof codes,
    index: number,
  ): Promise<{ readonly loss: string | null; readonly at: string }> => {
    const output = join(folder, `${signal}-${index}`);
    const sent: Sent = { signal, ...momentOf(signal, index, lasts, alone.worked) };
    const { ended, output: said, phase } = await runChild({ preset, output, sent });
    const fault = (what: string) => ({ loss: `${signal} ${index} in ${phase}: ${what}`, at: phase });
    if (!endedBy(signal, ended, said)) return fault(`it ended with ${ended}: ${said.slice(-300)}`);
    if (raw.test(said)) return fault(`it said ${said.slice(-300)}`);
    if (existsSync(join(output, "lock.json"))) return fault("its lock stands");
    if (ended !== 0) {
      const again = await runChild({ preset, output, resume: existsSync(output) });
      if (again.ended !== 0) return fault(`going on ended with ${again.ended}: ${again.output.slice(-300)}`);
    }
    const odd = differences(right, contents(output));
    if (odd.length > 0) return fault(`other: ${odd.slice(0, 6).join(", ")}`);
    rmSync(output, { recursive: true });
    return { loss: null, at: ended === 0 ? "nothing, it was done" : phase };
  };
  const results: Result[] = [];
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    const outcomes = await atOnce(
      Array.from({ length: count }, (_, index) => index),
      (index) => stop(signal, index),
    );
    const met = [...new Set(outcomes.map(({ at }) => at))]
      .map((at) => `${at} ${outcomes.filter((one) => one.at === at).length}`)
      .join(", ");
    results.push(
      tally(
        `${signal} at random instants`,
        count,
        outcomes.flatMap(({ loss }) => (loss === null ? [] : [loss])),
        met,
      ),
    );
  }
  results.push(await otherCommands(folder));
  return results;
}

interface Stopped {
  readonly args: (output: string) => readonly string[];
  readonly sent: readonly Sent[];
  /** Words that go on with it, where it had come as far as the line; default: the same again. */
  readonly again?: { readonly words: readonly string[]; readonly from: RegExp };
  /** What stands when it was gone on with. */
  readonly made: string;
}

const begun = /supervised training/;
const overwritten: Stopped["again"] = { words: ["--overwrite"], from: begun };
const resumed: Stopped["again"] = { words: ["--resume"], from: /(?:)/ };
const supervised = (output: string): readonly string[] => [
  "sft",
  join(root, "soak/smallest/run-file.ts"),
  "--output",
  output,
];
const comparison = (output: string): readonly string[] => [
  "compare",
  "grpo",
  "papo",
  "--seeds",
  "1",
  "--steps",
  "2",
  "--scenes",
  "20",
  "--jobs",
  "2",
  "--output",
  output,
];
const demonstration = (output: string): readonly string[] => [
  "demo",
  "--recipe",
  "grpo",
  "--steps",
  "3",
  "--scenes",
  "20",
  "--output",
  output,
];
const after = (signal: keyof typeof codes, line: RegExp, milliseconds: number): Sent => ({
  signal,
  after: line,
  milliseconds,
});

/** By what is tried. */
const commands: Readonly<Record<string, Stopped>> = {
  "Ctrl-C as papo sft starts": {
    args: supervised,
    sent: [after("SIGINT", /(?:)/, 2000)],
    made: "supervised/model/config.json",
    again: overwritten,
  },
  "SIGTERM as papo sft starts": {
    args: supervised,
    sent: [after("SIGTERM", /(?:)/, 4000)],
    made: "supervised/model/config.json",
    again: overwritten,
  },
  "Ctrl-C in papo sft": {
    args: supervised,
    sent: [after("SIGINT", begun, 100)],
    made: "supervised/model/config.json",
    again: overwritten,
  },
  "Ctrl-C twice in papo compare": {
    args: comparison,
    sent: [after("SIGINT", /0 of them done/, 3000), after("SIGINT", /(?:)/, 1)],
    made: "table.md",
  },
  "SIGTERM in papo compare": { args: comparison, sent: [after("SIGTERM", /0 of them done/, 8000)], made: "table.md" },
  "Ctrl-C as papo demo measures its start": {
    args: demonstration,
    sent: [after("SIGINT", /measuring/, 200)],
    made: "report.html",
    again: resumed,
  },
  "Ctrl-C in papo demo": {
    args: demonstration,
    sent: [after("SIGINT", /asked/, 0)],
    made: "report.html",
    again: resumed,
  },
};

/** Other commands that train: they end with the signal's code, leave no lock, and are gone on with. */
async function otherCommands(folder: string): Promise<Result> {
  const env = { SOAK_PRESET: preset, SOAK_STEPS: "12" };
  const losses = await atOnce(Object.entries(commands), async ([name, { args, sent, again, made }], index) => {
    const output = join(folder, `command-${index}`);
    const { ended, output: said } = await runCommand(args(output), { env, sent });
    const fault = (what: string): string[] => [`${name}: ${what}`];
    if (!endedBy(sent[0]!.signal as keyof typeof codes, ended, said))
      return fault(`it ended with ${ended}: ${said.slice(-300)}`);
    if (raw.test(said)) return fault(`it said ${said.slice(-300)}`);
    if (existsSync(join(output, "lock.json"))) return fault("its lock stands");
    const then =
      ended === 0
        ? null
        : await runCommand(
            [...args(output), ...(existsSync(output) && again?.from.test(said) === true ? again.words : [])],
            { env },
          );
    if (then !== null && then.ended !== 0)
      return fault(`going on ended with ${then.ended}: ${then.output.slice(-300)}`);
    if (!existsSync(join(output, made))) return fault(`${made} is not there`);
    console.log(`   ${name}: ${ended === 0 ? "it was done before" : `ended with ${ended}`}`);
    rmSync(output, { recursive: true });
    return [];
  });
  return tally("signals in papo sft, compare and demo", losses.length, losses.flat());
}
