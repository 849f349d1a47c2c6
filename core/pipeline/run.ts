/** A run, from the first plan to the last checkpoint. */
import { keepBest, noSuchMetric, setDamagedBestAside } from "../checkpoint/best.ts";
import type { Decision, StepContext } from "../contracts/hook-values.ts";
import { beginFolder, type BegunFolder } from "../checkpoint/new-folder.ts";
import { runStep } from "./step/step.ts";
import type { RunEnding } from "../contracts/ending.ts";
import type { StepOutcome } from "../contracts/step/step-outcome.ts";
import { withoutSecrets } from "../options/secrets.ts";
import type { TrainOptions, TrainSummary } from "./run/options.ts";
import { dropAhead, openRun, type OpenRun } from "./run/open.ts";
import { announce } from "./run/announce.ts";
import { attempt, isDue, rollBack, save, stateOf } from "./run/save.ts";

/**
 * Train a policy with a recipe.
 *
 * An error leaves the newest checkpoint usable and says how to go on. An error before a step's first update also saves
 * the steps done so far. The policy's weights are changed in place and are those of the last step afterwards.
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
  const ended = await allSteps(run, options).catch(async (error: unknown) => {
    await tellEnd(run, { ended: "failed", reason: withoutSecrets((error as Error).message) });
    throw error;
  });
  await tellEnd(run, ended);
  return {
    steps: run.step,
    ...ended,
    checkpoint: run.checkpoint!,
    metrics: run.last?.metrics ?? {},
    skippedRows: run.skippedRows,
    resumedFrom: run.resumedFrom,
  };
}

/** Everything that the run wrote is written by now. */
const tellEnd = (
  { host, step, settings: { steps }, last, checkpoint, resumedStep }: OpenRun,
  how: Pick<RunEnding, "ended" | "reason">,
): Promise<void> => host.end({ ...how, step, steps, last, checkpoint, resumedFrom: resumedStep });

async function allSteps(run: OpenRun, options: TrainOptions): Promise<Pick<TrainSummary, "ended" | "reason">> {
  const { settings } = run;
  let ended: Pick<TrainSummary, "ended" | "reason"> = { ended: "finished", reason: null };
  while ((run.step < settings.steps || run.unmeasured !== null) && ended.ended === "finished") {
    if (options.signal?.aborted === true) ended = await interrupted(run);
    else {
      const outcome = await stepOrGiveUp(run, options);
      if (outcome === null) ended = { ended: "interrupted", reason: null };
      else {
        ended = await finishStep(run, outcome, options.signal);
        if (ended.ended === "finished" && run.step < settings.steps) ended = await rest(run, options);
      }
    }
  }
  return ended;
}

/** The step that is to come, or that an interrupted run left without its evaluation. */
const nextStep = ({ step, unmeasured }: OpenRun): number => (unmeasured === null ? step + 1 : step);

/**
 * A step; null where it was asked to stop before it was done. Up to its first update it can be given up, and what was
 * done before it is saved.
 */
async function stepOrGiveUp(run: OpenRun, options: TrainOptions): Promise<StepOutcome | null> {
  const { version } = run.policy.learner;
  return attempt(run, `Step ${nextStep(run)}`, () => oneStep(run, options)).catch((error: unknown) => {
    if (options.giveUp?.aborted === true && run.policy.learner.version === version) return null;
    throw error;
  });
}

/**
 * A step and the evaluation after it; null, with a checkpoint that says so, where it was asked to stop before the
 * evaluation was done.
 */
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
  else {
    run.folder.append(outcome);
    run.last = outcome.summary;
  }
  return outcome;
}

/**
 * What follows a step that is done: it is told, kept where it is the best, plugins decide, and it is saved where that
 * is due.
 */
async function finishStep(
  run: OpenRun,
  outcome: StepOutcome,
  signal: AbortSignal | undefined,
): Promise<Pick<TrainSummary, "ended" | "reason">> {
  const { host, settings } = run;
  host.events.emit("timing", {
    step: run.step,
    seconds: outcome.seconds,
    terms: outcome.terms,
    tokens: outcome.tokens,
    knownSizes: outcome.knownSizes ?? null,
  });
  host.events.emit("step", outcome.summary);
  await attempt(run, `To keep the best weights after step ${run.step}`, () => keepIfBest(run, outcome.summary));
  const decision = await attempt(run, `What follows step ${run.step}`, () =>
    host.hooks.stepped.promise(outcome.summary),
  );
  const ended = await decide(run, decision, signal);
  if (isDue(run.step, settings) || run.step === settings.steps || ended.ended !== "finished")
    await save(run, stateOf(run));
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
async function keepIfBest(
  { settings: { keepBest: wanted }, evaluation, folder, policy, host }: OpenRun,
  { step, metrics }: StepOutcome["summary"],
): Promise<void> {
  if (wanted === null) return;
  if (step === (evaluation?.every ?? 1) && metrics[wanted.metric] === undefined)
    host.events.emit("alarm", { step, plugin: "run", message: noSuchMetric(wanted.metric, metrics) });
  const aside = setDamagedBestAside(folder.best);
  if (aside !== null) host.events.emit("alarm", { step, plugin: "run", message: aside });
  await keepBest(folder.best, wanted, { step, metrics }, policy.learner);
}

/**
 * The step to sample for while this one learns; null where there is none, or a checkpoint comes between, since what it
 * saves must be all there is, or an evaluation, which has the sampler for itself.
 */
function stepAhead({ step, settings, evaluation }: OpenRun): StepContext | null {
  const current = step + 1;
  const between = isDue(current, settings) || (evaluation !== null && current % evaluation.every === 0);
  return settings.pipelined !== "off" && current < settings.steps && !between
    ? { step: current + 1, steps: settings.steps }
    : null;
}

/**
 * The step with what an evaluation after it says, where one is due; null where it was asked to stop before that was
 * known.
 */
async function measured(
  done: StepOutcome,
  { evaluation, unmeasured }: OpenRun,
  signal: AbortSignal | undefined,
): Promise<StepOutcome | null> {
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
  return {
    ...done,
    summary: { ...done.summary, metrics: { ...done.summary.metrics, ...metrics } },
    seconds: { ...done.seconds, evaluation: seconds },
  };
}

/** What the plugins and the user want after a step. */
async function decide(
  run: OpenRun,
  decision: Decision | undefined,
  signal: AbortSignal | undefined,
): Promise<Pick<TrainSummary, "ended" | "reason">> {
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
