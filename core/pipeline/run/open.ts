/** A run as it is opened: anew, or from its newest whole checkpoint. */
import type { Dataset } from "../../data/dataset.ts";
import { createRowOrder } from "../../data/row-order.ts";
import {
  newestCheckpoint,
  removeOldCheckpoints,
  policyFolder,
  type Checkpoint,
  type RunDescription,
} from "../../checkpoint/checkpoint.ts";
import { computedBy, computedByOther } from "../../checkpoint/computed-by.ts";
import { readKeptGroups } from "../../checkpoint/kept-groups.ts";
import { assertSameRun, describeWhole } from "../../checkpoint/same-run.ts";
import { join } from "node:path";
import { digestsFile, keptDigests } from "../../data/file-digest.ts";
import { createHost, type Host } from "../../host/host.ts";
import { checkCapabilities } from "../plan.ts";
import type { SavedState } from "../../host/plugin-state.ts";
import type { Policy } from "../../contracts/policy.ts";
import { makePrompt } from "../../prompts/prompts.ts";
import { RewardDesk } from "../../rewards/rewards.ts";
import type { BegunFolder } from "../../checkpoint/new-folder.ts";
import { openRunFolder, type RunFolder } from "../../checkpoint/run-folder.ts";
import { parseSettings } from "../../contracts/settings.ts";
import { needsReference } from "../planned-run.ts";
import { promptMaker } from "../step/prompt-source.ts";
import { StepSigns } from "../step/signs.ts";
import type { Stepping } from "../step/step.ts";
import type { StepOutcome } from "../../contracts/step/step-outcome.ts";
import type { StepSummary } from "../../contracts/events.ts";
import type { EvaluationInLoop, TrainOptions } from "./options.ts";

/** Forget what was sampled for the next step: its rows come again. */
export async function dropAhead(run: OpenRun): Promise<void> {
  if (run.ahead === null) return;
  await run.ahead.first.groups.catch(() => undefined);
  run.order = createRowOrder(run.dataset, run.host.random.key("rows"), run.ahead.position);
  run.ahead = null;
}

/** A run under way. */
export interface OpenRun extends Stepping {
  readonly begun: BegunFolder;
  readonly folder: RunFolder;
  readonly description: RunDescription;
  readonly dataset: Dataset;
  readonly evaluation: EvaluationInLoop | null;
  readonly resumedFrom: string | null;
  /** The step that it went on from; null where it began. */
  readonly resumedStep: number | null;
  /** How many steps the run was to have before it was resumed. */
  readonly stepsBefore: number;
  /** Steps done. */
  step: number;
  skippedRows: number;
  /** The last step that this process did and whose metrics are written. */
  last: StepSummary | null;
  /**
   * The last step's outcome, where it was interrupted before its evaluation was done: its metrics are written with
   * that.
   */
  unmeasured: StepOutcome | null;
  /** Folder and step of the newest checkpoint. */
  checkpoint: string | null;
  checkpointStep: number;
}

export async function openRun(
  begun: BegunFolder,
  {
    policy,
    plugins,
    dataset,
    settings: input,
    output,
    evaluation = null,
    resume = false,
    overrides = [],
    weights,
    runFile,
    otherwise = false,
    onEvents,
    giveUp,
  }: TrainOptions,
): Promise<OpenRun> {
  const settings = parseSettings(input);
  const host = createHost(plugins, { seed: settings.seed, hookSeconds: settings.hookSeconds, output });
  checkCapabilities([...host.scores("rewards"), ...host.scores()], host.views.values(), policy.learner.capabilities);
  onEvents?.(host.events);
  checkEnvironments(policy, host);
  await openTeachers(policy, host);
  const description = {
    ...(await describeWhole(
      { settings, plugins, dataset, weights, teachers: host.teachers.values() },
      keptDigests(join(output, digestsFile)),
    )),
    computedBy: computedBy(policy.learner.capabilities.software),
    ...(overrides.length > 0 ? { overrides } : {}),
    ...(runFile === undefined ? {} : { runFile }),
  };
  const folder = openRunFolder(output, resume);
  if (!resume) folder.clear();
  const { checkpoint, damaged } = newestCheckpoint(folder.checkpoints);
  for (const message of damaged)
    host.events.emit("alarm", { step: 0, plugin: "run", message: `a damaged checkpoint is passed over: ${message}` });
  const order = createRowOrder(dataset, host.random.key("rows"), checkpoint?.state.position);
  if (checkpoint === null) await begin(policy, host, folder);
  else {
    if (!otherwise) assertSameRun(checkpoint, description, plugins);
    await restore(checkpoint, { policy, host, settings }, folder);
    const other = computedByOther(checkpoint.description.computedBy, description.computedBy);
    if (other !== null) host.events.emit("alarm", { step: checkpoint.state.step, plugin: "run", message: other });
    removeOldCheckpoints(folder.checkpoints, checkpoint.state.step, settings.keepCheckpoints);
  }
  folder.describe(description);
  return {
    begun,
    policy,
    host,
    settings,
    order,
    folder,
    description,
    dataset,
    evaluation,
    datasetSize: dataset.size,
    journal: folder.journal,
    desk: new RewardDesk([...host.scorers.values()], settings.concurrentScorers, folder.journal),
    signs: new StepSigns(host),
    ahead: null,
    ...(giveUp === undefined ? {} : { giveUp }),
    step: checkpoint?.state.step ?? 0,
    skippedRows: checkpoint?.state.skippedRows ?? dataset.skipped.length,
    unmeasured: (checkpoint?.state.unmeasured ?? null) as StepOutcome | null,
    checkpoint: checkpoint?.folder ?? null,
    checkpointStep: checkpoint?.state.step ?? -1,
    stepsBefore: checkpoint?.description.settings.steps ?? settings.steps,
    resumedFrom: checkpoint?.folder ?? null,
    resumedStep: checkpoint?.state.step ?? null,
    last: null,
  };
}

/** @throws Error naming an environment that nobody can ask */
function checkEnvironments({ rollout, processor }: Policy, { environments }: Host): void {
  const [name] = environments.keys();
  if (name === undefined) return;
  const lacks =
    rollout.turns !== true
      ? "this sampler cannot be entered again after its words, as the embedded one can"
      : processor.encodeReply === undefined
        ? "this processor puts no words into responses (encodeReply)"
        : null;
  if (lacks !== null)
    throw new Error(`The environment "${name}" cannot be asked: ${lacks}; change that, or leave its plugin out`);
}

/** @throws Error naming the plugin, and what is wrong with the folder or differs from the policy's */
async function openTeachers({ learner }: Policy, host: Host): Promise<void> {
  for (const { name, folder } of host.teachers.values()) {
    if (learner.teach === undefined)
      throw new Error(
        `The teacher "${name}" (${folder}) cannot be opened: this learner scores with weights of its own alone; leave its plugin out, or use the embedded learner`,
      );
    await learner.teach(name, folder).catch((error: unknown) => {
      throw new Error(`The teacher "${name}" cannot be used: ${(error as Error).message}`, { cause: error });
    });
  }
}

async function begin({ learner }: Policy, host: Host, folder: RunFolder): Promise<void> {
  folder.cutAfter(0);
  if (needsReference(host)) await learner.keep("reference");
  for (const name of host.copies.keys()) await learner.keep(name);
}

async function restore(
  checkpoint: Checkpoint,
  run: Pick<OpenRun, "policy" | "host" | "settings">,
  folder: RunFolder,
): Promise<void> {
  const { policy, host } = run;
  // The check before the first step needs the weights already.
  await policy.learner.load(policyFolder(checkpoint.folder));
  host.loadState(checkpoint.state.plugins as SavedState);
  const maker = promptMaker(run);
  const { kept, lost } = await readKeptGroups(checkpoint.folder, ({ key, row, origin: { step, coefficients } }) =>
    host.withCoefficients(coefficients, () => makePrompt(row, key, step, maker)),
  );
  host.keptGroups.load(kept);
  for (const message of lost) host.events.emit("alarm", { step: checkpoint.state.step, plugin: "run", message });
  const { step, unmeasured = null } = checkpoint.state;
  for (const message of folder.cutAfter(unmeasured === null ? step : step - 1))
    host.events.emit("alarm", { step, plugin: "run", message });
}
