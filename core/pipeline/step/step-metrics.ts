/** The pipeline's own numbers of a step. Equal runs give equal numbers: no time is among them. */
import { type Group, policyTokens, type Segment } from "../../contracts/step/sample.ts";
import type { Host } from "../../host/host.ts";
import type { Collected } from "./collect.ts";
import type { Parity } from "../../scores/experience.ts";
import type { Trained, Update } from "./update.ts";

type Metrics = Record<string, number>;

/** Rewards and responses, over everything the step sampled, kept or not. */
export function rolloutMetrics({ sampled, dropped, groups, rounds, skippedRows, scorerFailures }: Collected): Metrics {
  const samples = sampled.flatMap((group) => group.samples);
  const rewards = samples.map(({ reward }) => reward);
  const logProbs = samples.map(({ response }) => total(response.logProbs));
  const tokens = samples.map(({ response }) => policyTokens(response).length);
  return {
    "reward/mean": mean(rewards),
    "reward/std": standardDeviation(rewards),
    ...partMeans(sampled),
    "reward/failures": scorerFailures,
    "rollout/length": mean(tokens),
    "rollout/truncated": mean(samples.map(({ response }) => Number(response.finish === "length"))),
    // Mean −log π of sampled tokens: an estimate of the entropy per token, nats.
    "rollout/entropy": total(tokens) === 0 ? 0 : -total(logProbs) / total(tokens),
    "rollout/groups_with_spread": mean(sampled.map((group) => Number(hasSpread(group)))),
    "rollout/groups_sampled": sampled.length,
    "rollout/groups_kept": groups.length,
    "rollout/groups_dropped": dropped.length,
    "rollout/rounds": rounds,
    "data/skipped": skippedRows,
  };
}

/** Where the recipe has environments: turns of the policy in a response, and tokens of it that it did not write. */
export function turnMetrics(
  { sampled }: Pick<Collected, "sampled">,
  { environments }: Pick<Host, "environments">,
): Metrics {
  if (environments.size === 0) return {};
  const spoken = (source: Segment["source"]) =>
    sampled.flatMap(({ samples }) =>
      samples.map(({ response: { segments } }) => segments.filter((segment) => segment.source === source)),
    );
  return {
    "rollout/turns": mean(spoken("policy").map((segments) => segments.length)),
    "rollout/environment_tokens": mean(
      spoken("environment").map((segments) => total(segments.map(({ tokens }) => tokens.length))),
    ),
  };
}

/**
 * Of what is trained on beside a step's own groups, where the recipe has such: how many, and rewards and lengths by
 * role.
 */
export function besideMetrics(
  { beside, made }: Pick<Collected, "beside" | "made">,
  { auxiliary, keptGroups }: Pick<Host, "auxiliary" | "keptGroups">,
): Metrics {
  const roles = [...auxiliary.values()].filter(({ trained }) => trained === true);
  if (roles.length === 0 && keptGroups.room().beside === 0) return {};
  const ofRole = (name: string): Metrics => {
    const samples = made.filter(({ role }) => role === name).flatMap((group) => group.samples);
    return {
      [`role/${name}/reward`]: mean(samples.map(({ reward }) => reward)),
      [`role/${name}/length`]: mean(samples.map(({ response }) => policyTokens(response).length)),
    };
  };
  return Object.assign({ "rollout/groups_beside": beside.length }, ...roles.map(({ name }) => ofRole(name))) as Metrics;
}

/** Losses, gradients and agreement of sampler and learner; means over the step's updates. */
export function learnerMetrics({ updates, learningRate }: Trained, parity: Pick<Parity, "max" | "mean">): Metrics {
  return {
    "rollout/parity_max": parity.max,
    "rollout/parity_mean": parity.mean,
    "loss/total": mean(updates.map(({ loss }) => loss.loss)),
    ...termMeans(updates),
    "learner/gradient_norm": mean(updates.map(({ gradientNorm }) => gradientNorm)),
    "learner/learning_rate": learningRate,
    "learner/updates": updates.length,
    "learner/skipped_updates": updates.filter(({ skipped }) => skipped).length,
  };
}

/** Of each part, over the responses that its scorer applies to. */
function partMeans(groups: readonly Group[]): Metrics {
  const samples = groups.flatMap((group) => group.samples);
  const names = new Set(samples.flatMap(({ parts }) => Object.keys(parts)));
  return Object.fromEntries(
    [...names].map((name) => [`reward/part/${name}`, mean(samples.flatMap(({ parts }) => parts[name] ?? []))]),
  );
}

/** Each term's value, and its line in the ledger. */
function termMeans(updates: readonly Update[]): Metrics {
  const names = new Set(updates.flatMap(({ loss }) => Object.keys(loss.terms)));
  const meanOf = (name: string, column: (typeof LEDGER)[number] | "value"): number =>
    mean(updates.map(({ loss }) => loss.terms[name]?.[column] ?? 0));
  return Object.fromEntries(
    [...names].flatMap((name) => [
      [`loss/${name}`, meanOf(name, "value")],
      ...LEDGER.map((column) => [`ledger/${name}/${column}`, meanOf(name, column)] as const),
    ]),
  ) as Metrics;
}

/** What the ledger says of a term in a step; see TermValue. */
const LEDGER = ["weighted", "factor", "norm", "cosine", "share"] as const;

function hasSpread({ samples }: Group): boolean {
  return samples.some(({ reward }) => reward !== samples[0]!.reward);
}

function total(values: Iterable<number>): number {
  let sum = 0;
  for (const value of values) sum += value;
  return sum;
}

/** 0 of nothing. */
function mean(values: readonly number[]): number {
  return values.length === 0 ? 0 : total(values) / values.length;
}

/** Of the values themselves (divided by their number). */
function standardDeviation(values: readonly number[]): number {
  const centre = mean(values);
  return Math.sqrt(mean(values.map((value) => (value - centre) ** 2)));
}
