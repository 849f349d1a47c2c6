/**
 * The second half of a step: experience → advantages → terms, loss → gradient, step; several minibatches and epochs.
 */
import type { Learner, Outputs } from "../../learner/learner.ts";
import { permutation } from "../../math/random.ts";
import type { Group, Sample } from "../../contracts/step/sample.ts";
import {
  compareLogProbs,
  learnerBatch,
  longestOf,
  scoreSamples,
  takeRows,
  type Parity,
  type ScoreArrays,
  type Wanted,
} from "../../scores/experience.ts";
import type { Host } from "../../host/host.ts";
import type { BatchArrays, MinibatchArrays } from "../../loss/loss-arrays.ts";
import { computeLoss, type LossResult } from "../../loss/loss.ts";
import { learningRateAt } from "./schedule.ts";
import {
  byOtherSide,
  CURRENT_LOG_PROBS,
  OLD_LOG_PROBS,
  type OtherSide,
  outputName,
  type PlannedScore,
} from "../../contracts/registered/scores.ts";
import type { RunSettings } from "../../contracts/settings.ts";
import type { Stopwatch } from "../../scores/stopwatch.ts";

export interface Updating {
  readonly learner: Learner;
  readonly host: Host;
  readonly settings: RunSettings;
  readonly watch: Stopwatch;
  /** The longest response that the step's sampling allowed. */
  readonly maxNewTokens: number;
  readonly text: Required<BatchArrays>["text"];
}

/** A step's experience, whole. */
export interface ScoredBatch {
  readonly arrays: BatchArrays;
  /** Sampler against learner; null where the sampler's log-probs were taken and the first update compares them. */
  readonly parity: Parity | null;
  /** The learner's version that "old" was scored with. */
  readonly version: number;
}

const OLD: Wanted = { key: OLD_LOG_PROBS, view: "original", weights: "old", output: "logProbs" };
const CURRENT: Wanted = { key: CURRENT_LOG_PROBS, view: "original", weights: "current", output: "logProbs" };

/**
 * Score the groups with the weights that sampled them and with kept ones, as far as plugins ask for it.
 * @param beside how many of the groups, the last ones, are beside the step's own
 */
export async function gatherExperience(
  step: number,
  groups: readonly Group[],
  { learner, host, settings, watch, text }: Updating,
  beside = 0,
): Promise<ScoredBatch> {
  const samples = groups.flatMap((group) => group.samples);
  const groupOf = Int32Array.from(groups.flatMap((group, index) => group.samples.map(() => index)));
  const wanted = plannedScores(host, settings).filter(({ weights }) => weights !== "current");
  const [B, T] = [samples.length, longestOf(samples)];
  const { version } = learner;
  const serves = learner.capabilities.dropout !== true && samplerServes(wanted, settings);
  const stale = serves ? groups.filter((group) => !servedBySampler(group, version)) : groups;
  const all = stale.length === groups.length;
  const scored = await scoreSamples(learner, samples, all ? [OLD, ...wanted] : wanted, settings.sampling.temperature, {
    watch,
    random: shareRandom(host, step),
  });
  const now = scored.get(OLD_LOG_PROBS) ?? (await logProbsNow(samples, T, { stale, learner, settings, watch }));
  const scores = new Map([[OLD_LOG_PROBS, now], ...scored]);
  const arrays = {
    step,
    samples,
    groupOf,
    groups,
    beside,
    B,
    T,
    mask: policyMask(samples, T),
    oldLogProbs: keptLogProbs(now, samples, groupOf, groups),
    text,
    scores,
  };
  const fresh = (row: number): boolean => sampledWith(version, groups[groupOf[row]!]!);
  return { arrays, parity: all ? compareLogProbs(samples, now, fresh) : null, version };
}

/** The sampler's log-probs, [B, T], and in the rows of stale groups what the learner says. */
async function logProbsNow(
  samples: readonly Sample[],
  T: number,
  {
    stale,
    learner,
    settings,
    watch,
  }: Pick<Updating, "learner" | "settings" | "watch"> & { readonly stale: readonly Group[] },
): Promise<Float32Array> {
  const array = samplerLogProbs(samples, T);
  if (stale.length === 0) return array;
  const own = new Set(stale.flatMap((group) => group.samples));
  const rows = samples.flatMap((sample, row) => (own.has(sample) ? [row] : []));
  const chosen = rows.map((row) => samples[row]!);
  const found = (await scoreSamples(learner, chosen, [OLD], settings.sampling.temperature, { watch })).get(
    OLD_LOG_PROBS,
  )!;
  const shorter = longestOf(chosen);
  rows.forEach((row, index) =>
    array.fill(0, row * T, (row + 1) * T).set(found.subarray(index * shorter, (index + 1) * shorter), row * T),
  );
  return array;
}

/** log π_old, [B, T]: that of now, but in rows whose group asks for what they were sampled with. */
function keptLogProbs(
  now: Float32Array,
  samples: readonly Sample[],
  groupOf: Int32Array,
  groups: readonly Group[],
): Float32Array {
  const T = now.length / Math.max(1, samples.length);
  const kept = samples.flatMap(({ response }, row) =>
    groups[groupOf[row]!]!.oldLogProbs === "sampled" && response.view === OLD.view ? [row] : [],
  );
  if (kept.length === 0) return now;
  const old = now.slice();
  for (const row of kept) old.set(samples[row]!.response.logProbs, row * T);
  return old;
}

/**
 * What plugins ask for in this step; passes on other views than the original, where none of it has a gradient, as
 * roughly as the settings allow.
 */
function plannedScores(host: Host, { viewPrecision }: RunSettings): Wanted[] {
  const active = host.scores().filter((score) => score.active);
  const exact = new Set(["original", ...active.filter(({ gradient }) => gradient).map(({ view }) => view)]);
  return active.map((score) => ({
    ...score,
    products: exact.has(score.view) || score.against !== null ? "float32" : viewPrecision,
  }));
}

const shareRandom = (host: Host, step: number): Host["random"] => host.random.key("share", step);

/** Whether the sampler's log-probs can stand for those of the learner, and no pass would give them anyway. */
function samplerServes(wanted: readonly Wanted[], { oldLogProbs, parityPrompts, precision }: RunSettings): boolean {
  if (oldLogProbs === "learner" || parityPrompts === 0 || precision !== "float32") return false;
  return !wanted.some(({ view, weights }) => view === OLD.view && weights === OLD.weights);
}

/** Whether they are those of the weights, view and temperature that "old" means. */
function servedBySampler(group: Group, version: number): boolean {
  return sampledWith(version, group) && group.samples.every(({ response }) => response.view === OLD.view);
}

/**
 * Whether these weights sampled a group. One that was carried over may come from before a rollback, when the same
 * number meant other weights.
 */
const sampledWith = (version: number, group: Group): boolean => group.carried !== true && group.version === version;

/** The sampler's log-probs, [B, T]. */
function samplerLogProbs(samples: readonly Sample[], T: number): Float32Array {
  const array = new Float32Array(samples.length * T);
  samples.forEach(({ response }, row) => array.set(response.logProbs, row * T));
  return array;
}

/** 1 where the policy wrote a token, [B, T]. */
function policyMask(samples: readonly Sample[], T: number): Float32Array {
  const mask = new Float32Array(samples.length * T);
  samples.forEach(({ response }, row) => {
    let at = row * T;
    for (const { source, tokens } of response.segments)
      mask.fill(source === "policy" ? 1 : 0, at, (at += tokens.length));
  });
  return mask;
}

/** One optimizer step. */
export interface Update {
  readonly loss: LossResult;
  readonly gradientNorm: number;
  readonly skipped: boolean;
  /**
   * Sampler against learner, as the pass back computed its log-probs; null where other weights than the sampler's were
   * used.
   */
  readonly parity: Parity | null;
}

export interface Trained {
  readonly updates: readonly Update[];
  readonly learningRate: number;
  /** "current" arrays as the first epoch's minibatches saw them, put together, [B, T]. */
  readonly current: ScoreArrays;
}

/** Pass over the experience `epochs` times, in minibatches of whole groups drawn anew each time. */
export async function trainOn(batch: ScoredBatch, advantages: Float32Array, run: Updating): Promise<Trained> {
  const { settings, host } = run;
  const { step, B, T } = batch.arrays;
  const learningRate = learningRateAt(step, settings);
  const updates: Update[] = [];
  const current: ScoreArrays = new Map();
  for (let epoch = 0; epoch < settings.epochs; epoch++) {
    for (const rows of minibatchRows(
      batch.arrays,
      settings.promptsPerMinibatch,
      host.random.key("minibatch", step, epoch),
    )) {
      const minibatch = await takeMinibatch(batch, rows, advantages, run);
      if (epoch === 0) putTogether(current, minibatch, rows, B, T);
      updates.push(await update(minibatch, learningRate, run, run.learner.version === batch.version));
    }
  }
  return { updates, learningRate, current };
}

/**
 * Rows of each minibatch: groups are dealt in random order, inside a minibatch they keep the batch's. The step's own
 * make the minibatches, those beside them are dealt to these one by one.
 */
export function minibatchRows(
  { groups, groupOf, beside = 0 }: Pick<BatchArrays, "groups" | "groupOf" | "beside">,
  size: number | null,
  random: Host["random"],
): number[][] {
  const own = groups.length - beside;
  const order = permutation(random, own);
  const perMinibatch = size ?? own;
  const dealt: Set<number>[] = [];
  for (let start = 0; start < order.length; start += perMinibatch)
    dealt.push(new Set(order.subarray(start, start + perMinibatch)));
  permutation(random.key("beside"), beside).forEach((index, turn) => dealt[turn % dealt.length]!.add(own + index));
  return dealt.map((chosen) => [...groupOf.keys()].filter((row) => chosen.has(groupOf[row]!)));
}

/** The rows' arrays, and the current weights' scores of them. */
async function takeMinibatch(
  batch: ScoredBatch,
  rows: readonly number[],
  advantages: Float32Array,
  run: Updating,
): Promise<MinibatchArrays> {
  const { step, T, mask, oldLogProbs, scores, groupOf, ...whole } = batch.arrays;
  const samples = rows.map((row) => whole.samples[row]!);
  const chosen = [...new Set(rows.map((row) => groupOf[row]!))];
  const shorter = longestOf(samples);
  const take = (array: Float32Array): Float32Array => takeRows(array, T, rows, shorter);
  const current = await run.watch.time("score", currentScores(batch, rows, samples, run));
  return {
    step,
    samples,
    groups: chosen.map((group) => whole.groups[group]!),
    groupOf: Int32Array.from(rows, (row) => chosen.indexOf(groupOf[row]!)),
    B: rows.length,
    T: shorter,
    mask: take(mask),
    oldLogProbs: take(oldLogProbs),
    advantages: take(advantages),
    logProbs: current.get(CURRENT_LOG_PROBS)!,
    scores: new Map([...[...scores].map(([key, array]) => [key, take(array)] as const), ...current]),
    maxNewTokens: run.maxNewTokens,
    text: run.text,
  };
}

/**
 * What "current" weights give for the rows; while they are still the old ones, what was scored as "old" is used again.
 */
async function currentScores(
  batch: ScoredBatch,
  rows: readonly number[],
  samples: readonly Sample[],
  run: Updating,
): Promise<ScoreArrays> {
  const { learner, host, settings } = run;
  const targets = [CURRENT, ...plannedScores(host, settings).filter(({ weights }) => weights === "current")];
  const same = learner.version === batch.version;
  const known: ScoreArrays = new Map();
  for (const { key, view, output, against = null } of targets) {
    const old = same && against === null ? batch.arrays.scores.get(`${view}/old/${output}`) : undefined;
    if (old !== undefined) known.set(key, takeRows(old, batch.arrays.T, rows, longestOf(samples)));
  }
  const missing = targets.filter(({ key }) => !known.has(key));
  const scored = await scoreSamples(learner, samples, missing, settings.sampling.temperature, {
    watch: run.watch,
    random: shareRandom(host, batch.arrays.step),
  });
  return new Map([...known, ...scored]);
}

/** Loss, its gradients through each view, one optimizer step. */
async function update(
  minibatch: MinibatchArrays,
  learningRate: number,
  { learner, host, settings, watch }: Updating,
  sampledByThese: boolean,
): Promise<Update> {
  const loss = watch.timeSync("loss", () => computeLoss(host, minibatch));
  let parity: Parity | null = null;
  for (const [view, cotangents] of Object.entries(loss.gradients)) {
    // A view that no term draws on now would cost a pass and add nothing.
    if (view !== "original" && Object.values(cotangents).every((array) => array.every((value) => value === 0)))
      continue;
    for (const { outputs, against, askers } of backwardPasses(view, cotangents, host)) {
      const learning = learner.backward(
        learnerBatch(minibatch.samples, [view], settings.sampling.temperature, against),
        outputs,
      );
      const { logProbs } = await watch.time("backward", watch.charge(askers, learning));
      if (view === "original" && sampledByThese && logProbs !== undefined && learner.capabilities.dropout !== true) {
        parity = compareLogProbs(minibatch.samples, logProbs, (row) =>
          sampledWith(learner.version, minibatch.groups[minibatch.groupOf[row]!]!),
        );
      }
    }
  }
  const { gradientNorm, skipped, runs } = await watch.time("update", learner.step({ learningRate }));
  if (runs !== undefined) watch.ran(runs);
  return { loss, gradientNorm, skipped, parity };
}

interface BackwardPass {
  readonly outputs: Outputs;
  readonly against: OtherSide | null;
  /** Whose the pass is, and whose the other side of its divergences. */
  readonly askers: readonly (readonly string[])[];
}

/** Passes back through a view: one for each other side of its divergences, the first of them with all else. */
function backwardPasses(view: string, cotangents: Readonly<Record<string, Float32Array>>, host: Host): BackwardPass[] {
  const scores = host.scores().filter((score) => score.view === view && score.active && score.gradient);
  const askers = (own: readonly PlannedScore[]): string[] => [...new Set(own.flatMap(({ plugins }) => plugins))];
  const divergences = scores.filter(({ against }) => against !== null);
  const names = new Set(divergences.map(outputName));
  const plain = Object.fromEntries(Object.entries(cotangents).filter(([name]) => !names.has(name))) as Outputs;
  const base = view === "original" ? [] : askers(scores);
  const sides = byOtherSide(divergences);
  if (sides.length === 0) return [{ outputs: plain, against: null, askers: [base] }];
  return sides.map(({ scores: own, against }, index) => ({
    outputs: {
      ...(index === 0 ? plain : {}),
      ...Object.fromEntries(own.map((score) => [score.output, cotangents[outputName(score)]!])),
    },
    against,
    askers: index === 0 ? [base, askers(own)] : [askers(own)],
  }));
}

/** Write a minibatch's current scores into arrays of the whole batch. */
function putTogether(
  whole: ScoreArrays,
  { logProbs, scores, T: shorter }: MinibatchArrays,
  rows: readonly number[],
  B: number,
  T: number,
): void {
  for (const [key, array] of new Map([...scores, [CURRENT_LOG_PROBS, logProbs]])) {
    if (key.split("/").at(-2) !== "current") continue;
    const into = whole.get(key) ?? new Float32Array(B * T);
    whole.set(key, into);
    rows.forEach((row, index) => into.set(array.subarray(index * shorter, (index + 1) * shorter), row * T));
  }
}
