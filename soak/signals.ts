/** SIGTERM and SIGINT at random instants: the run ends by itself with their exit codes and without a stack, and, resumed, as one that was left alone. */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root, tally, type Result } from "./part.ts";
import { runChild } from "./smallest/child.ts";
import { contents, differences } from "./smallest/contents.ts";
import { atOnce, uniform } from "./smallest/random.ts";

const preset = "papo-d";
const codes = { SIGTERM: 143, SIGINT: 130 } as const;
const raw = /\n {4}at |terminate called|Napi|undefined|\[object/;

export async function signals(count: number): Promise<readonly Result[]> {
  const folder = join(root, "runs/soak/signals");
  rmSync(folder, { recursive: true, force: true });
  const whole = join(folder, "whole");
  const started = Date.now();
  const alone = await runChild({ preset, output: whole });
  const lasts = Date.now() - started;
  if (alone.ended !== 0) return [{ tried: "the run that nobody stops", found: `it ended with ${alone.ended}`, held: false }];
  const right = contents(whole);
  /** Null: as it should be. */
  const stop = async (signal: keyof typeof codes, index: number): Promise<{ readonly loss: string | null; readonly at: string }> => {
    const output = join(folder, `${signal}-${index}`);
    // Every fourth comes anywhere between the start of the process and its end; the others while it works.
    const anywhere = index % 4 === 0;
    const sent = { signal, after: anywhere ? /(?:)/ : /evaluating|at /, milliseconds: uniform(signal, index) * (anywhere ? lasts : alone.worked) };
    const { ended, output: said, phase } = await runChild({ preset, output, sent });
    const fault = (what: string) => ({ loss: `${signal} ${index} in ${phase}: ${what}`, at: phase });
    if (ended !== 0 && ended !== codes[signal]) return fault(`it ended with ${ended}: ${said.slice(-300)}`);
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
    const outcomes = await atOnce(Array.from({ length: count }, (_, index) => index), (index) => stop(signal, index));
    const met = [...new Set(outcomes.map(({ at }) => at))].map((at) => `${at} ${outcomes.filter((one) => one.at === at).length}`).join(", ");
    results.push(tally(`${signal} at random instants`, count, outcomes.flatMap(({ loss }) => (loss === null ? [] : [loss])), met));
  }
  return results;
}
