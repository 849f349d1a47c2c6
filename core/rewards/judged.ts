/**
 * What the hook `rewards` knows of a round besides the scorers' parts: scores of stage "rewards" and auxiliary
 * rollouts.
 */
import type { Host } from "../host/host.ts";
import type { Learner, LearnerBatch, LearnerRow } from "../learner/learner.ts";
import { firstNotFinite } from "../math/first-not-finite.ts";
import { runAuxiliary, type AuxiliarySamples } from "./auxiliary.ts";
import type { PromptMaker } from "../prompts/prompts.ts";
import type { Group, Response, Sample } from "../contracts/step/sample.ts";
import type { JudgedGroup } from "../contracts/step/batch.ts";
import { keptWeights, learnerBatch, learnerRow } from "../scores/experience.ts";
import type { Policy } from "../contracts/policy.ts";
import type { RolloutContext } from "./rollouts.ts";
import { isActive, type PlannedScore, type ScoreHandle } from "../contracts/registered/scores.ts";

export interface Judging {
  readonly policy: Policy;
  readonly host: Host;
  readonly rollout: RolloutContext;
  /** For the views of trained auxiliary rollouts. */
  readonly maker: PromptMaker;
}

/** Groups with everything that was asked for before rewards. */
export interface JudgedRound {
  /** The round's own, in their order. */
  readonly groups: readonly JudgedGroup[];
  /** Those of trained auxiliary rollouts; they have none of their own. */
  readonly made: readonly JudgedGroup[];
}

/**
 * A round's groups, and what trained auxiliary rollouts made of them, with what is asked for computed for all of them
 * together.
 */
export async function judgeRound(
  groups: readonly Group[],
  place: { step: number; round: number },
  { policy, host, rollout, maker }: Judging,
): Promise<JudgedRound> {
  const samples = groups.flatMap((group) => group.samples);
  const onSkip = (what: string, reason: string): void => host.events.emit("skip", { step: place.step, what, reason });
  const auxiliary = new Map<string, AuxiliarySamples>();
  const made: Group[] = [];
  for (const [name, asked] of host.auxiliary) {
    const result = await runAuxiliary(asked, samples, place, { ...rollout, maker, onSkip });
    auxiliary.set(name, result.samples);
    made.push(...result.made);
  }
  const all = [...samples, ...made.flatMap((group) => group.samples)];
  const scores = new Map<string, ReadonlyMap<Sample, Float32Array>>();
  for (const score of host.scores("rewards"))
    if (score.active) scores.set(score.key, await scoreRound(score, all, policy, rollout));
  const judged = (group: Group): JudgedGroup => ({
    ...group,
    step: place.step,
    get: (handle: ScoreHandle) =>
      group.samples.map((sample) => (isActive(handle) ? arrayOf(scores, handle, sample) : new Float32Array(0))),
    auxiliary: (name: string) => {
      const given = auxiliary.get(name);
      if (given === undefined)
        throw new Error(
          `There is no auxiliary rollout "${name}"; registered are ${[...auxiliary.keys()].join(", ") || "none"}`,
        );
      return group.samples.map((sample) => given.get(sample) ?? []);
    },
  });
  return { groups: groups.map(judged), made: made.map(judged) };
}

function arrayOf(
  scores: ReadonlyMap<string, ReadonlyMap<Sample, Float32Array>>,
  { key, request }: ScoreHandle,
  sample: Sample,
): Float32Array {
  const array = scores.get(key)?.get(sample);
  if (array === undefined)
    throw new Error(
      `The scores "${key}" were asked for in the stage "${request.stage}"; the hook "rewards" reads those of the stage "rewards"`,
    );
  return array;
}

/** One array per sample: over its own tokens, or over those of the score's target. */
async function scoreRound(
  { view, weights, output, target, key }: PlannedScore,
  samples: readonly Sample[],
  { learner, processor }: Policy,
  { sampling }: RolloutContext,
): Promise<Map<Sample, Float32Array>> {
  const whole = learnerBatch(samples, [view], sampling.temperature || 1);
  const targets = samples.map(
    (sample) => target?.of(sample, processor) ?? { given: 0, tokens: sample.response.tokens },
  );
  const rows = targets.map((asked, index) =>
    target === null ? whole.rows[index]! : targetRow(whole.rows[index]!.prompt, samples[index]!.response, asked),
  );
  const values = await scoreRows(learner, { ...whole, rows }, output, weights, key);
  const T = Math.max(0, ...rows.map(({ tokens }) => tokens.length));
  return new Map(
    samples.map((sample, index) => {
      const { given, tokens } = targets[index]!;
      return [sample, values.slice(index * T + given, index * T + given + tokens.length)];
    }),
  );
}

async function scoreRows(
  learner: Learner,
  batch: LearnerBatch,
  output: PlannedScore["output"],
  weights: string,
  key: string,
): Promise<Float32Array> {
  const result = (await learner.score(batch, [output], keptWeights(weights)))[output];
  if (result === undefined) throw new Error(`The learner was asked for ${output} (${key}) and did not give it`);
  const bad = firstNotFinite(result);
  if (bad >= 0) throw new Error(`The learner gave ${result[bad]} for ${key}`);
  return result;
}

/** A part of a response, and after it other tokens; what an environment wrote of that part is read as it was. */
function targetRow(
  prompt: number,
  { tokens, segments }: Response,
  target: { readonly given: number; readonly tokens: Int32Array },
): LearnerRow {
  let at = 0;
  const before = segments.flatMap((segment) => {
    const own = segment.tokens.subarray(0, Math.max(0, target.given - at));
    at += segment.tokens.length;
    return own.length === 0 ? [] : [{ ...segment, tokens: own }];
  });
  return learnerRow(prompt, {
    tokens: joined(tokens.subarray(0, target.given), target.tokens),
    segments: [...before, { source: "policy", tokens: target.tokens, text: "" }],
  });
}

function joined(a: Int32Array, b: Int32Array): Int32Array {
  const whole = new Int32Array(a.length + b.length);
  whole.set(a);
  whole.set(b, a.length);
  return whole;
}
