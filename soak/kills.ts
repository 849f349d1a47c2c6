/**
 * SIGKILL at random instants of the smallest runs of all presets: each run is killed a few times, resumed each time,
 * and must end with the bytes of one that was left alone. Half of the instants are uniform over the run; the other half
 * follow a phase that is drawn, so that short phases are met too. A kill that finds everything done is none: it is
 * tried again.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { presetNames } from "@papo/recipes";
import { root, tally, type Result } from "./part.ts";
import { marks, phases, runChild } from "./smallest/child.ts";
import { contents, differences } from "./smallest/contents.ts";
import { atOnce, uniform } from "./smallest/random.ts";

interface Chain {
  readonly preset: string;
  readonly kills: number;
}

interface Outcome {
  /** Phases in which kills met it. */
  readonly met: readonly string[];
  readonly loss: string | null;
}

/** The shortest phase is over in a few milliseconds. */
const mostAttempts = 5;

/** Runs a preset once in peace and once with kills. */
async function chain({ preset, kills }: Chain): Promise<Outcome> {
  const folder = join(root, "runs/soak/kills", preset);
  rmSync(folder, { recursive: true, force: true });
  const [whole, killed] = [join(folder, "whole"), join(folder, "killed")];
  const alone = await runChild({ preset, output: whole });
  if (alone.ended !== 0)
    return {
      met: [],
      loss: `${preset}: the run that nobody kills ended with ${alone.ended}: ${alone.output.slice(-300)}`,
    };
  const met: string[] = [];
  for (let kill = 0; kill < kills; kill++) {
    const phase =
      uniform("where", preset, kill) < 0.5
        ? "evaluation"
        : phases[Math.floor(uniform("phase", preset, kill) * phases.length)]!;
    let ended: number | NodeJS.Signals = 0;
    // Where everything was done before its moment came, it comes earlier in a new run.
    for (let attempt = 0; ended === 0 && attempt < mostAttempts; attempt++) {
      if (attempt > 0) rmSync(killed, { recursive: true, force: true });
      const span = (phase === "evaluation" ? alone.worked : 60) / 2 ** attempt;
      const last = attempt === mostAttempts - 1;
      // The last attempt meets it for certain: at its first word that it evaluates.
      const moment = last
        ? { after: marks.evaluation, milliseconds: 0 }
        : { after: marks[phase], milliseconds: uniform("when", preset, kill) * span };
      const sent = { signal: "SIGKILL", ...moment } as const;
      const outcome = await runChild({ preset, output: killed, resume: true, sent });
      ended = outcome.ended;
      if (ended === "SIGKILL") met.push(outcome.phase);
      else if (ended !== 0)
        return { met, loss: `${preset}: kill ${kill + 1} was met by ${ended}: ${outcome.output.slice(-300)}` };
    }
  }
  const last = await runChild({ preset, output: killed, resume: true });
  const odd =
    last.ended === 0
      ? differences(contents(whole), contents(killed))
      : [`it ended with ${last.ended}: ${last.output.slice(-300)}`];
  if (odd.length === 0) rmSync(folder, { recursive: true });
  console.log(
    `   ${preset}: killed in ${met.join(", ") || "nothing"}; ${odd.length === 0 ? "equal" : `other: ${odd.slice(0, 4).join(", ")}`}`,
  );
  return { met, loss: odd.length === 0 ? null : `${preset}: ${odd.slice(0, 6).join(", ")}` };
}

export async function kills(count: number): Promise<readonly Result[]> {
  const chains = presetNames
    .map((preset, index) => ({
      preset,
      kills: Math.floor(count / presetNames.length) + (index < count % presetNames.length ? 1 : 0),
    }))
    .filter((one) => one.kills > 0);
  const outcomes = await atOnce(chains, chain);
  const met = outcomes.flatMap((outcome) => outcome.met);
  const losses = outcomes.flatMap(({ loss }) => (loss === null ? [] : [loss]));
  const where = phases.map((phase) => `${phase} ${met.filter((at) => at === phase).length}`).join(", ");
  if (losses.length === 0 && met.length < count) losses.push(`${met.length} of ${count} kills met a run`);
  return [tally(`SIGKILL at random instants, ${chains.length} presets`, met.length, losses, where)];
}
