/**
 * One step, top to bottom: prompts → views → rollout → reward → groups → experience → advantages → loss → gradient →
 * metrics.
 */
import type { StepOutcome } from "../../contracts/step/step-outcome.ts";
import { collectGroups, startCollecting, type Collected, type Collecting, type StartedStep } from "./collect.ts";
import type { Group } from "../../contracts/step/sample.ts";
import type { StepContext } from "../../contracts/hook-values.ts";
import type { RewardJournal } from "../../checkpoint/journal.ts";
import { computeAdvantages } from "../../loss/loss.ts";
import { makeResponseViews } from "../../prompts/prompts.ts";
import { entryKey } from "../../rewards/rewards.ts";
import { besideMetrics, learnerMetrics, rolloutMetrics, turnMetrics } from "./step-metrics.ts";
import { promptMaker } from "./prompt-source.ts";
import type { StepSigns } from "./signs.ts";
import { stepDigests } from "./digests.ts";
import { stepNumbers } from "./numbers.ts";
import { Stopwatch } from "../../scores/stopwatch.ts";
import { gatherExperience, trainOn } from "./update.ts";

export interface Stepping extends Collecting {
  readonly journal: RewardJournal;
  readonly signs: StepSigns;
  /** The coming step, where its first responses are being sampled already (the setting `pipelined`). */
  ahead: StartedStep | null;
}

/**
 * Run one step. Weights change only after every response is sampled and scored.
 * @param next the step to begin sampling for before this one's updates, if any
 */
export async function runStep(
  context: StepContext,
  run: Stepping,
  next: StepContext | null = null,
): Promise<StepOutcome> {
  const { host } = run;
  const watch = new Stopwatch();
  host.beginStep(context);
  const started = run.ahead ?? (await watch.time("rollout", startStep(context, run)));
  run.ahead = null;
  const collected = await watch.time("rollout", collectGroups(started, run));
  run.signs.sampled(collected, context.step);
  finishJournal(collected, context.step, run);
  if (next !== null) run.ahead = await watch.time("rollout", startAhead(next, run));
  run.giveUp?.throwIfAborted();
  const versionBefore = run.policy.learner.version;
  const learned = await learnFrom(collected, context, run, watch);
  await moveCopies(context.step, run);
  const staleness =
    run.settings.pipelined !== "off" ? { "rollout/staleness": meanStaleness(collected.groups, versionBefore) } : {};
  const metrics = {
    ...rolloutMetrics(collected),
    ...turnMetrics(collected, host),
    ...besideMetrics(collected, host),
    ...staleness,
    ...learned,
    ...coefficientMetrics(run),
    ...host.takeMetrics(),
  };
  const { sampled, groups, beside, made, auxiliary, skippedRows } = collected;
  const responses = [...sampled.flatMap(({ samples }) => samples), ...auxiliary.map(({ sample }) => sample)];
  const tokens = responses.reduce((sum, { response }) => sum + response.tokens.length, 0);
  const all = [
    [...sampled, ...made],
    [...groups, ...beside],
  ] as const;
  const record = { digests: stepDigests(...all), numbers: stepNumbers(...all) };
  return {
    summary: { ...context, metrics },
    seconds: watch.seconds,
    terms: termSeconds(watch.charges, run),
    tokens,
    knownSizes: watch.knownSizes,
    skippedRows,
    ...record,
  };
}

function startStep(context: StepContext, run: Stepping): Promise<StartedStep> {
  run.journal.begin(context.step);
  return startCollecting(context, run);
}

/** Begin the next step; while the sampler reads the learner's own weights, they must not change before it is done. */
async function startAhead(next: StepContext, run: Stepping): Promise<StartedStep> {
  const started = await startStep(next, run);
  if (run.policy.rollout.ownWeights !== true) await started.first.generated;
  return started;
}

/** Experience, advantages and updates; a step with no group left changes nothing. */
async function learnFrom(
  { groups: own, beside, plan }: Collected,
  { step }: StepContext,
  run: Stepping,
  watch: Stopwatch,
): Promise<Record<string, number>> {
  const { host, settings } = run;
  const groups = [...own, ...beside];
  if (groups.length === 0) {
    host.events.emit("alarm", {
      step,
      plugin: "run",
      message: "no group is left to train on: the weights stay as they are",
    });
    return { "learner/updates": 0 };
  }
  const text = { decode: run.policy.processor.decode.bind(run.policy.processor) };
  const longest = [...host.auxiliary.values()].map(({ trained, maxNewTokens = 0 }) =>
    trained === true ? maxNewTokens : 0,
  );
  const updating = {
    learner: run.policy.learner,
    host,
    text,
    settings,
    watch,
    maxNewTokens: Math.max(plan.maxNewTokens, ...longest),
  };
  await watch.time(
    "views",
    makeResponseViews(
      groups.flatMap(({ samples }) => samples),
      step,
      promptMaker(run),
    ),
  );
  const batch = await watch.time("score", gatherExperience(step, groups, updating, beside.length));
  const advantages = watch.timeSync("loss", () => computeAdvantages(host, batch.arrays));
  run.signs.advantages(advantages, step);
  const trained = await trainOn(batch, advantages, updating);
  run.signs.updated(trained.updates);
  const parity = batch.parity ?? trained.updates[0]?.parity ?? { max: 0, mean: 0 };
  if (!(parity.max <= settings.parityTolerance)) {
    const message = `sampler and learner differ by up to ${parity.max.toExponential(2)} nats, ${settings.parityTolerance.toExponential(1)} is allowed`;
    host.events.emit("alarm", { step, plugin: "run", message });
  }
  for (const { skipped, gradientNorm } of trained.updates) {
    const message = `an update was left out, since the norm of its gradient is ${gradientNorm}: the weights are those before it; lower the learning rate if it happens again`;
    if (skipped) host.events.emit("alarm", { step, plugin: "run", message });
  }
  const { samples, T, scores } = batch.arrays;
  host.events.emit("experience", {
    step,
    samples,
    T,
    arrays: { ...Object.fromEntries([...scores, ...trained.current]), advantages },
  });
  return learnerMetrics(trained, parity);
}

/** A plugin's seconds, shared among its terms. */
function termSeconds(charges: Readonly<Record<string, number>>, { host }: Stepping): Record<string, number> {
  return Object.fromEntries(
    Object.entries(charges).flatMap(([plugin, seconds]) => {
      const own = host.termsOf(plugin);
      return own.length === 0 ? [[plugin, seconds]] : own.map((term) => [term, seconds / own.length]);
    }),
  );
}

/** Copies of the weights that are due follow them. */
async function moveCopies(step: number, { host, policy }: Stepping): Promise<void> {
  for (const { name, decay, every } of host.copies.values())
    if (step % every === 0) await policy.learner.keep(name, decay);
}

function finishJournal({ sampled, dropped, auxiliary }: Collected, step: number, { host, journal }: Stepping): void {
  const scorers = [...host.scorers.keys()];
  const judged = [
    ...[...sampled, ...dropped].flatMap(({ round, samples }) => samples.map((sample) => ({ round, sample }))),
    ...auxiliary,
  ];
  journal.finish(
    step,
    judged.flatMap(({ round, sample }) => scorers.map((scorer) => entryKey(sample, { step, round }, scorer))),
  );
}

/** Updates between sampling and training, mean over the groups that are trained on. */
function meanStaleness(groups: readonly Group[], version: number): number {
  return groups.length === 0 ? 0 : groups.reduce((sum, group) => sum + version - group.version, 0) / groups.length;
}

function coefficientMetrics({ host }: Stepping): Record<string, number> {
  return Object.fromEntries(Object.entries(host.coefficients()).map(([name, value]) => [`coefficient/${name}`, value]));
}
