/** Checkpoints of a run: written when due, gone back to, and what is saved when a step fails. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { isDiverged } from "../../learner/diverged-error.ts";
import {
  checkpointFolders,
  newestCheckpoint,
  policyFolder,
  writeCheckpoint,
  type RunState,
} from "../../checkpoint/checkpoint.ts";
import { writeKeptGroups } from "../../checkpoint/kept-groups.ts";
import { findDamage } from "../../checkpoint/manifest.ts";
import type { GroupsByPlugin } from "../../host/kept-groups.ts";
import type { RunSettings } from "../../contracts/settings.ts";
import type { OpenRun } from "./open.ts";

export const isDue = (step: number, { checkpointEvery }: RunSettings): boolean =>
  checkpointEvery > 0 && step % checkpointEvery === 0;

/** When the work fails, save what was done before it where that is still possible, and say how to go on. */
export async function attempt<T>(run: OpenRun, what: string, work: () => Promise<T>): Promise<T> {
  const before = stateOf(run);
  const version = run.policy.learner.version;
  try {
    return await work();
  } catch (error) {
    const untouched = run.policy.learner.version === version;
    const diverged = isDiverged(error);
    if (untouched && !diverged && run.checkpointStep < run.step) await save(run, before).catch(() => undefined);
    const hint = diverged ? howToAvoid(run, untouched ? run.step - 1 : run.step) : howToGoOn(run);
    throw new Error(`${what} failed: ${(error as Error).message}\n${hint}`, { cause: error });
  }
}

function howToGoOn({ checkpoint, checkpointStep }: OpenRun): string {
  if (checkpoint === null) return "There is no checkpoint yet.";
  return `Everything up to step ${checkpointStep} is safe in ${checkpoint}; resume: true (--resume) goes on from there.`;
}

/**
 * Weights that diverged are told from sound ones by being used; `lastSound` is the last step whose weights were, or may
 * have been.
 */
function howToAvoid({ folder, settings }: OpenRun, lastSound: number): string {
  const sound = checkpointFolders(folder.checkpoints).find(
    (one) => one.step <= lastSound && findDamage(one.folder) === null,
  );
  if (sound === undefined) return "There is no checkpoint of sound weights: start again with a lower learning rate.";
  return (
    `The weights of step ${sound.step} are sound and safe in ${policyFolder(sound.folder)}/model. To resume would meet the same again: ` +
    `start a new run with that folder as its model and a learning rate below ${settings.learningRate}.`
  );
}

/**
 * Weights and optimizer become those of the newest checkpoint, of those up to step `before` where one is given (or else
 * the oldest there is: `keepCheckpoints` says how many there are). Steps, data, learning rate and plugin states go on,
 * so that the run meets other prompts and a guard remembers what it did.
 */
export async function rollBack(run: OpenRun, reason: string, before = Infinity): Promise<void> {
  const { checkpoints } = run.folder;
  const oldest = checkpointFolders(checkpoints).at(-1)?.step ?? 0;
  const { checkpoint: chosen, damaged } = newestCheckpoint(checkpoints, Math.max(before, oldest));
  for (const message of damaged)
    run.host.events.emit("alarm", {
      step: run.step,
      plugin: "run",
      message: `a damaged checkpoint is passed over: ${message}`,
    });
  if (chosen === null)
    throw new Error(`A plugin asks to roll back (${reason}), and there is no checkpoint: set checkpointEvery above 0`);
  await run.policy.learner.load(policyFolder(chosen.folder));
  run.host.events.emit("alarm", {
    step: run.step,
    plugin: "run",
    message: `rolled back to the weights of step ${chosen.state.step}: ${reason}`,
  });
}

/** What a checkpoint holds besides weights and optimizer. */
interface Snapshot {
  readonly state: RunState;
  readonly kept: GroupsByPlugin;
}

/** Everything but the weights, as of now. */
export function stateOf({ step, order, ahead, skippedRows, unmeasured, host }: OpenRun): Snapshot {
  const state: RunState = {
    step,
    ...(unmeasured === null ? {} : { unmeasured }),
    position: ahead?.position ?? order.position,
    skippedRows,
    plugins: structuredClone(host.saveState()),
    coefficients: host.coefficients(),
  };
  return { state, kept: host.keptGroups.save() };
}

export async function save(run: OpenRun, { state, kept }: Snapshot): Promise<void> {
  const { policy, description, folder, settings } = run;
  const since = Math.max(
    0,
    run.checkpointStep === state.step ? savedSince(run.checkpoint!, state.step) : run.checkpointStep,
  );
  const addFiles = (checkpoint: string): void => {
    folder.journal.copy(since, state.step, `${checkpoint}/rewards`);
    writeKeptGroups(checkpoint, kept);
  };
  run.begun.check();
  folder.flush();
  try {
    run.checkpoint = await writeCheckpoint(
      folder.checkpoints,
      { learner: policy.learner, state, description, addFiles },
      settings.keepCheckpoints,
    );
  } catch (error) {
    throw new Error(
      `The checkpoint of step ${state.step} cannot be written: ${(error as Error).message}\n${howToGoOn(run)}`,
      { cause: error },
    );
  }
  run.checkpointStep = state.step;
  run.host.events.emit("checkpoint", { step: state.step, folder: run.checkpoint });
}

/**
 * The step before the first whose rewards a checkpoint holds: one that is written anew, its step's evaluation done,
 * holds the same.
 */
function savedSince(checkpoint: string, step: number): number {
  const rewards = join(checkpoint, "rewards");
  const steps = (existsSync(rewards) ? readdirSync(rewards) : []).map((name) =>
    Number(/^step-(\d+)\.jsonl$/.exec(name)?.[1] ?? step),
  );
  return Math.min(step, ...steps) - 1;
}
