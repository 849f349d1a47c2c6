/** A run, from the first plan to the last checkpoint. */
import type { Dataset } from "../data/dataset.ts";
import { createRowOrder } from "../data/row-order.ts";
import { isDiverged } from "../learner/diverged-error.ts";
import { checkpointFolders, newestCheckpoint, policyFolder, writeCheckpoint, type Checkpoint, type RunDescription, type RunState, type StartWeights } from "../checkpoint/checkpoint.ts";
import { readKeptGroups, writeKeptGroups } from "../checkpoint/kept-groups.ts";
import { assertSameRun, describeWhole } from "../checkpoint/same-run.ts";
import { join } from "node:path";
import { digestsFile, keptDigests } from "../data/file-digest.ts";
import { findDamage } from "../checkpoint/manifest.ts";
import { keepBest, noSuchMetric } from "../checkpoint/best.ts";
import type { Events } from "../contracts/events.ts";
import type { Decision, StepContext } from "../contracts/hook-values.ts";
import { createHost, type Host } from "../host/host.ts";
import { checkParity } from "./parity.ts";
import { checkCapabilities, planLines, settingWarnings } from "./plan.ts";
import type { Plugin } from "../contracts/plugin.ts";
import type { GroupsByPlugin } from "../host/kept-groups.ts";
import type { SavedState } from "../host/plugin-state.ts";
import { machineMemory } from "../machine/memory.ts";
import { plannedRun } from "./planned-run.ts";
import { doesNotFit, fits } from "../plan/text.ts";
import type { Policy } from "../contracts/policy.ts";
import { firstPrompts } from "../prompts/first-prompts.ts";
import { makePrompt } from "../prompts/prompts.ts";
import { RewardDesk } from "../rewards/rewards.ts";
import { beginFolder, type BegunFolder } from "../checkpoint/new-folder.ts";
import { openRunFolder, type RunFolder } from "../checkpoint/run-folder.ts";
import { parseSettings, type RunSettings, type RunSettingsInput } from "../contracts/settings.ts";
import { planRollout } from "./step/collect.ts";
import { promptMaker } from "./step/prompt-source.ts";
import { learningRateAt } from "./step/schedule.ts";
import { StepSigns } from "./step/signs.ts";
import { runStep, type Stepping } from "./step/step.ts";
import { type StepOutcome } from "../contracts/step-outcome.ts";

export interface TrainOptions {
  readonly policy: Policy;
  /** The recipe, in order. */
  readonly plugins: readonly Plugin[];
  readonly dataset: Dataset;
  readonly settings?: RunSettingsInput;
  /** Folder of the run; made if need be. */
  readonly output: string;
  /** The same, where the caller has begun it already and ends it. Default: `train` does both. */
  readonly begun?: BegunFolder;
  /** Go on from the newest checkpoint in `output`; without one the run begins at its first step. */
  readonly resume?: boolean;
  /** Digests of the weights as the policy was opened: a resumed run must begin with the same. Default: they are not known. */
  readonly weights?: StartWeights;
  /** What was set in place of what the recipe says, "path=value" each: written to run.json. */
  readonly overrides?: readonly string[];
  /** The run file, from `output`, where there is one: written to run.json. */
  readonly runFile?: string;
  /** Go on with other settings or options than the checkpoint's, which is refused otherwise: to see what a step would have been. Default false. */
  readonly otherwise?: boolean;
  /** Called before anything is done, to listen to the run. */
  readonly onEvents?: (events: Events) => void;
  /** What is measured between steps. */
  readonly evaluation?: EvaluationInLoop | null;
  /**
   * When it fires, the run ends after the current step, with a checkpoint. No evaluation begins then, and one that is on may end by throwing; a resumed
   * run makes up for it.
   */
  readonly signal?: AbortSignal;
  /** Waited for after each step but the last, its checkpoint written: how a run is paused. When the signal fires meanwhile, the run ends without another step. */
  readonly between?: (context: StepContext) => Promise<void>;
  /** When it fires too, the step that is on is given up, as long as no weight was updated in it; the checkpoint is of the steps before. */
  readonly giveUp?: AbortSignal;
}

/** A measurement of the policy that goes with the run's metrics. */
export interface EvaluationInLoop {
  /** After every so many steps. */
  readonly every: number;
  /**
   * Metrics of the weights as they are after this step; they must follow from the weights alone, so that a resumed run gives the same.
   * @param goOn with what an interrupted measurement of these weights left
   */
  measure(context: StepContext, goOn: boolean): Promise<Readonly<Record<string, number>>>;
}

export interface TrainSummary {
  /** Steps done, those before a resume included. */
  readonly steps: number;
  /** "finished": all steps; "stopped": a plugin decided so; "interrupted": the signal fired. */
  readonly ended: "finished" | "stopped" | "interrupted";
  /** A stopping plugin's words, else null. */
  readonly reason: string | null;
  /** Folder of the last checkpoint. */
  readonly checkpoint: string;
  /** Of the last step this call ran; empty when there was none left to run. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Rows left out: of the file, and those that `onBadRow` and `onLongPrompt` skip. */
  readonly skippedRows: number;
  /** The checkpoint that was resumed, else null. */
  readonly resumedFrom: string | null;
}

/**
 * Train a policy with a recipe.
 *
 * An error leaves the newest checkpoint usable and says how to go on. An error before a step's first update also saves the steps done so far.
 * The policy's weights are changed in place and are those of the last step afterwards.
 */
export async function train(options: TrainOptions): Promise<TrainSummary> {
  await import("../math/backend.ts");
  const begun = options.begun ?? beginFolder(options.output);
  try {
    return await trainIn(begun, options);
  } finally {
    if (options.begun === undefined) begun.end();
  }
}

async function trainIn(begun: BegunFolder, options: TrainOptions): Promise<TrainSummary> {
  const run = await start(begun, options);
  const { settings } = run;
  let metrics: Readonly<Record<string, number>> = {};
  let ended: Pick<TrainSummary, "ended" | "reason"> = { ended: "finished", reason: null };
  while ((run.step < settings.steps || run.unmeasured !== null) && ended.ended === "finished") {
    if (options.signal?.aborted === true) ended = await interrupted(run);
    else {
      const outcome = await stepOrGiveUp(run, options);
      if (outcome === null) ended = { ended: "interrupted", reason: null };
      else {
        metrics = outcome.summary.metrics;
        ended = await finishStep(run, outcome, options.signal);
        if (ended.ended === "finished" && run.step < settings.steps) ended = await rest(run, options);
      }
    }
  }
  return { steps: run.step, ...ended, checkpoint: run.checkpoint!, metrics, skippedRows: run.skippedRows, resumedFrom: run.resumedFrom };
}

/** The step that is to come, or that an interrupted run left without its evaluation. */
const nextStep = ({ step, unmeasured }: OpenRun): number => (unmeasured === null ? step + 1 : step);

/** A step; null where it was asked to stop before it was done. Up to its first update it can be given up, and what was done before it is saved. */
async function stepOrGiveUp(run: OpenRun, options: TrainOptions): Promise<StepOutcome | null> {
  const { version } = run.policy.learner;
  return attempt(run, `Step ${nextStep(run)}`, () => oneStep(run, options)).catch((error: unknown) => {
    if (options.giveUp?.aborted === true && run.policy.learner.version === version) return null;
    throw error;
  });
}

/** A step and the evaluation after it; null, with a checkpoint that says so, where it was asked to stop before the evaluation was done. */
async function oneStep(run: OpenRun, { signal }: TrainOptions): Promise<StepOutcome | null> {
  const context = { step: nextStep(run), steps: run.settings.steps };
  const done = run.unmeasured ?? (await runStep(context, run, stepAhead(run)));
  const outcome = await measured(done, run, signal);
  run.begun.check();
  if (run.unmeasured === null) {
    run.step = context.step;
    run.skippedRows += done.skippedRows;
  }
  run.unmeasured = outcome === null ? done : null;
  if (outcome === null) await interrupted(run);
  else run.folder.append(outcome);
  return outcome;
}

/** What follows a step that is done: it is told, kept where it is the best, plugins decide, and it is saved where that is due. */
async function finishStep(run: OpenRun, outcome: StepOutcome, signal: AbortSignal | undefined): Promise<Pick<TrainSummary, "ended" | "reason">> {
  const { host, settings } = run;
  host.events.emit("timing", { step: run.step, seconds: outcome.seconds, terms: outcome.terms, tokens: outcome.tokens, knownSizes: outcome.knownSizes ?? null });
  host.events.emit("step", outcome.summary);
  await attempt(run, `To keep the best weights after step ${run.step}`, () => keepIfBest(run, outcome.summary));
  const decision = await attempt(run, `What follows step ${run.step}`, () => host.hooks.stepped.promise(outcome.summary));
  const ended = await decide(run, decision, signal);
  if (isDue(run.step, settings) || run.step === settings.steps || ended.ended !== "finished") await save(run, stateOf(run));
  return ended;
}

/** Leave with a checkpoint of everything that was done. */
async function interrupted(run: OpenRun): Promise<Pick<TrainSummary, "ended" | "reason">> {
  await dropAhead(run);
  if (run.checkpointStep < run.step || run.unmeasured !== null) await save(run, stateOf(run));
  return { ended: "interrupted", reason: null };
}

/** Open the run and say what it will do; a start that fails takes back what it wrote. */
async function start(begun: BegunFolder, options: TrainOptions): Promise<OpenRun> {
  try {
    const run = await openRun(begun, options);
    await announce(run, options);
    return run;
  } catch (error) {
    if (options.begun === undefined) begun.takeBack();
    throw error;
  }
}

/** Keep this step's weights where the metric of `keepBest` says so; a metric that never comes is told once. */
async function keepIfBest({ settings: { keepBest: wanted }, evaluation, folder, policy, host }: OpenRun, { step, metrics }: StepOutcome["summary"]): Promise<void> {
  if (wanted === null) return;
  if (step === (evaluation?.every ?? 1) && metrics[wanted.metric] === undefined) host.events.emit("alarm", { step, plugin: "run", message: noSuchMetric(wanted.metric, metrics) });
  await keepBest(folder.best, wanted, { step, metrics }, policy.learner);
}

const isDue = (step: number, { checkpointEvery }: RunSettings): boolean => checkpointEvery > 0 && step % checkpointEvery === 0;

/**
 * The step to sample for while this one learns; null where there is none, or a checkpoint comes between, since what it saves must be all there is, or an evaluation,
 * which has the sampler for itself.
 */
function stepAhead({ step, settings, evaluation }: OpenRun): StepContext | null {
  const current = step + 1;
  const between = isDue(current, settings) || (evaluation !== null && current % evaluation.every === 0);
  return settings.pipelined !== "off" && current < settings.steps && !between ? { step: current + 1, steps: settings.steps } : null;
}

/** The step with what an evaluation after it says, where one is due; null where it was asked to stop before that was known. */
async function measured(done: StepOutcome, { evaluation, unmeasured }: OpenRun, signal: AbortSignal | undefined): Promise<StepOutcome | null> {
  const { step, steps } = done.summary;
  if (evaluation === null || step % evaluation.every !== 0) return done;
  if (signal?.aborted === true) return null;
  const start = performance.now();
  const metrics = await evaluation.measure({ step, steps }, unmeasured !== null).catch((error: unknown) => {
    if (signal?.aborted === true) return null;
    throw error;
  });
  if (metrics === null) return null;
  const seconds = (performance.now() - start) / 1000;
  return { ...done, summary: { ...done.summary, metrics: { ...done.summary.metrics, ...metrics } }, seconds: { ...done.seconds, evaluation: seconds } };
}

/** Forget what was sampled for the next step: its rows come again. */
async function dropAhead(run: OpenRun): Promise<void> {
  if (run.ahead === null) return;
  await run.ahead.first.groups.catch(() => undefined);
  run.order = createRowOrder(run.dataset, run.host.random.key("rows"), run.ahead.position);
  run.ahead = null;
}

/** A run under way. */
interface OpenRun extends Stepping {
  readonly begun: BegunFolder;
  readonly folder: RunFolder;
  readonly description: RunDescription;
  readonly dataset: Dataset;
  readonly evaluation: EvaluationInLoop | null;
  readonly resumedFrom: string | null;
  /** How many steps the run was to have before it was resumed. */
  readonly stepsBefore: number;
  /** Steps done. */
  step: number;
  skippedRows: number;
  /** The last step's outcome, where it was interrupted before its evaluation was done: its metrics are written with that. */
  unmeasured: StepOutcome | null;
  /** Folder and step of the newest checkpoint. */
  checkpoint: string | null;
  checkpointStep: number;
}

async function openRun(begun: BegunFolder, { policy, plugins, dataset, settings: input, output, evaluation = null, resume = false, overrides = [], weights, runFile, otherwise = false, onEvents, giveUp }: TrainOptions): Promise<OpenRun> {
  const settings = parseSettings(input);
  const host = createHost(plugins, { seed: settings.seed, hookSeconds: settings.hookSeconds, output });
  checkCapabilities([...host.scores("rewards"), ...host.scores()], host.views.values(), policy.learner.capabilities);
  onEvents?.(host.events);
  const description = { ...(await describeWhole({ settings, plugins, dataset, weights }, keptDigests(join(output, digestsFile)))), ...(overrides.length > 0 ? { overrides } : {}), ...(runFile === undefined ? {} : { runFile }) };
  const folder = openRunFolder(output, resume);
  if (!resume) folder.clear();
  const { checkpoint, damaged } = newestCheckpoint(folder.checkpoints);
  for (const message of damaged) host.events.emit("alarm", { step: 0, plugin: "run", message: `a damaged checkpoint is passed over: ${message}` });
  const order = createRowOrder(dataset, host.random.key("rows"), checkpoint?.state.position);
  if (checkpoint === null) await begin(policy, host, folder);
  else {
    if (!otherwise) assertSameRun(checkpoint, description, plugins);
    await restore(checkpoint, { policy, host, settings }, folder);
  }
  folder.describe(description);
  return {
    begun, policy, host, settings, order, folder, description, dataset, evaluation,
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
  };
}

async function begin({ learner }: Policy, host: Host, folder: RunFolder): Promise<void> {
  folder.cutAfter(0);
  const looksBack = [...host.views.values()].some(({ attention }) => attention === true);
  if (looksBack || [...host.scores("rewards"), ...host.scores()].some(({ weights }) => weights === "reference")) await learner.keep("reference");
  for (const name of host.copies.keys()) await learner.keep(name);
}

async function restore(checkpoint: Checkpoint, run: Pick<OpenRun, "policy" | "host" | "settings">, folder: RunFolder): Promise<void> {
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
  for (const message of folder.cutAfter(unmeasured === null ? step : step - 1)) host.events.emit("alarm", { step, plugin: "run", message });
}

/** Say what will be done, check that sampler and learner agree, and save the start. */
async function announce(run: OpenRun, { dataset }: TrainOptions): Promise<void> {
  const { host, settings } = run;
  const from = run.resumedFrom === null ? "from the first step" : `from step ${run.step + 1} (${run.resumedFrom})`;
  // The plan is that of the coming step, which will ask for its coefficients again: plugins that count must not count this.
  const remembered = host.saveState();
  const coming = { step: run.step + 1, steps: settings.steps };
  host.beginStep(coming);
  const rollout = planRollout(coming, run);
  host.loadState(remembered);
  const prompts = await firstPrompts(run.dataset, Math.max(1, settings.parityPrompts), { ...run.policy, random: host.random, settings, position: run.order.position });
  const memory = prompts.length === 0 ? undefined : await run.policy.planMemory?.(plannedRun(host, rollout, settings, prompts.map(({ views }) => views.get("original")!)));
  const lines = [
    `${settings.steps} steps of ${settings.promptsPerStep} prompts × ${settings.samplesPerPrompt} responses, ${from}`,
    ...extensionLines(run),
    `data: ${dataset.name}, ${dataset.size} rows${dataset.skipped.length > 0 ? `, ${dataset.skipped.length} left out` : ""}`,
    ...host.plan(),
    ...planLines(host, rollout, settings, run.policy.learner.capabilities, memory?.plan ?? null),
  ];
  host.events.emit("plan", { lines });
  if (host.scorers.size === 0 && host.hooks.rewards.taps.length === 0) {
    host.warn("no plugin gives a reward, so that every response gets 0: list one in the recipe");
  }
  if (memory !== undefined && !fits(memory.plan, machineMemory())) host.warn(doesNotFit(memory.plan, await memory.advice(), machineMemory()));
  for (const message of settingWarnings(settings)) host.warn(message);
  for (const { where, reason } of dataset.skipped) host.events.emit("skip", { step: 0, what: where, reason });
  if (settings.parityPrompts > 0 && run.step < settings.steps) {
    const { max } = await checkParity(run.policy, prompts.slice(0, settings.parityPrompts), host.random, settings);
    host.events.emit("plan", { lines: [`sampler and learner agree to ${max.toExponential(1)} nats (allowed ${settings.parityTolerance.toExponential(1)})`] });
  }
  if (run.checkpoint === null && settings.checkpointEvery > 0) await save(run, stateOf(run));
  // A new run begins as a resumed one does: from what a checkpoint gives back, with nothing in a cache that the check left there.
  if (run.checkpoint !== null) await run.policy.learner.load(policyFolder(run.checkpoint));
}

/** What another number of steps changes, for a run that is resumed with one. */
function extensionLines({ host, settings, step, stepsBefore }: OpenRun): string[] {
  if (settings.steps === stepsBefore) return [];
  const rate = (steps: number): string => learningRateAt(step + 1, { ...settings, steps }).toExponential(2);
  const [was, is] = [rate(stepsBefore), rate(settings.steps)];
  const decay = settings.decay === "constant" ? "the learning rate is as it was" : `the ${settings.decay} decay of the learning rate goes to step ${settings.steps} now (step ${step + 1}: ${is}, it was to be ${step < stepsBefore ? was : "past its end"})`;
  const scheduled = [...new Set([host.hooks.coefficient, host.hooks.rollout].flatMap(({ taps }) => taps.map(({ name }) => name)))];
  const plugins = scheduled.length === 0 ? "" : `; schedules of ${scheduled.join(", ")} that go by the length of the run go by the new one`;
  return [`the run was to have ${stepsBefore} steps and has ${settings.steps} now: ${decay}${plugins}`];
}

/** When the work fails, save what was done before it where that is still possible, and say how to go on. */
async function attempt<T>(run: OpenRun, what: string, work: () => Promise<T>): Promise<T> {
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

/** Weights that diverged are told from sound ones by being used; `lastSound` is the last step whose weights were, or may have been. */
function howToAvoid({ folder, settings }: OpenRun, lastSound: number): string {
  const sound = checkpointFolders(folder.checkpoints).find((one) => one.step <= lastSound && findDamage(one.folder) === null);
  if (sound === undefined) return "There is no checkpoint of sound weights: start again with a lower learning rate.";
  return (
    `The weights of step ${sound.step} are sound and safe in ${policyFolder(sound.folder)}/model. To resume would meet the same again: ` +
    `start a new run with that folder as its model and a learning rate below ${settings.learningRate}.`
  );
}

/** What the plugins and the user want after a step. */
async function decide(run: OpenRun, decision: Decision | undefined, signal: AbortSignal | undefined): Promise<Pick<TrainSummary, "ended" | "reason">> {
  const interrupted = signal?.aborted === true && run.step < run.settings.steps;
  if (decision !== undefined || interrupted) await dropAhead(run);
  if (decision !== undefined && "stop" in decision) return { ended: "stopped", reason: decision.stop };
  if (decision !== undefined) await rollBack(run, decision.rollBack, decision.before);
  if (interrupted) return { ended: "interrupted", reason: null };
  return { ended: "finished", reason: null };
}

/** The time between two steps, as long as somebody wants it. */
async function rest(run: OpenRun, { between, signal }: TrainOptions): Promise<Pick<TrainSummary, "ended" | "reason">> {
  await between?.({ step: run.step, steps: run.settings.steps });
  const ended = await decide(run, undefined, signal);
  if (ended.ended !== "finished" && run.checkpointStep < run.step) await save(run, stateOf(run));
  return ended;
}

/**
 * Weights and optimizer become those of the newest checkpoint, of those up to step `before` where one is given (or else the oldest there
 * is: `keepCheckpoints` says how many there are). Steps, data, learning rate and plugin states go on,
 * so that the run meets other prompts and a guard remembers what it did.
 */
async function rollBack(run: OpenRun, reason: string, before = Infinity): Promise<void> {
  const { checkpoints } = run.folder;
  const oldest = checkpointFolders(checkpoints).at(-1)?.step ?? 0;
  const { checkpoint: chosen, damaged } = newestCheckpoint(checkpoints, Math.max(before, oldest));
  for (const message of damaged) run.host.events.emit("alarm", { step: run.step, plugin: "run", message: `a damaged checkpoint is passed over: ${message}` });
  if (chosen === null) throw new Error(`A plugin asks to roll back (${reason}), and there is no checkpoint: set checkpointEvery above 0`);
  await run.policy.learner.load(policyFolder(chosen.folder));
  run.host.events.emit("alarm", { step: run.step, plugin: "run", message: `rolled back to the weights of step ${chosen.state.step}: ${reason}` });
}

/** What a checkpoint holds besides weights and optimizer. */
interface Snapshot {
  readonly state: RunState;
  readonly kept: GroupsByPlugin;
}

/** Everything but the weights, as of now. */
function stateOf({ step, order, ahead, skippedRows, unmeasured, host }: OpenRun): Snapshot {
  const state: RunState = { step, ...(unmeasured === null ? {} : { unmeasured }), position: ahead?.position ?? order.position, skippedRows, plugins: structuredClone(host.saveState()), coefficients: host.coefficients() };
  return { state, kept: host.keptGroups.save() };
}

async function save(run: OpenRun, { state, kept }: Snapshot): Promise<void> {
  const { policy, description, folder, settings } = run;
  const since = Math.max(0, run.checkpointStep);
  const addFiles = (checkpoint: string): void => {
    folder.journal.copy(since, state.step, `${checkpoint}/rewards`);
    writeKeptGroups(checkpoint, kept);
  };
  run.begun.check();
  folder.flush();
  try {
    run.checkpoint = await writeCheckpoint(folder.checkpoints, { learner: policy.learner, state, description, addFiles }, settings.keepCheckpoints);
  } catch (error) {
    throw new Error(`The checkpoint of step ${state.step} cannot be written: ${(error as Error).message}\n${howToGoOn(run)}`, { cause: error });
  }
  run.checkpointStep = state.step;
  run.host.events.emit("checkpoint", { step: state.step, folder: run.checkpoint });
}
