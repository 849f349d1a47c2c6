/** What a run will compute, said and checked before the first step: what it holds, and what a step costs. */
import { attentionOf } from "../learner/attention-output.ts";
import { kindOf, type LearnerCapabilities } from "../learner/learner.ts";
import { partsOf } from "../model/attention-statistics.ts";
import type { Host } from "../host/host.ts";
import type { MemoryPlan } from "../plan/memory-plan.ts";
import { summaryLines } from "../plan/text.ts";
import type { RolloutPlan } from "../contracts/hook-values.ts";
import { outputName, ownWeights, type PlannedScore } from "../contracts/registered/scores.ts";
import { groupsBeside, type GroupsBeside } from "./planned-run.ts";
import type { View } from "../contracts/registered/views.ts";
import type { RunSettings } from "../contracts/settings.ts";

/**
 * Lines for a person. @param rollout how the coming step samples, as plugins change it @param memory null where it is
 * not known
 */
export function planLines(
  host: Host,
  rollout: RolloutPlan,
  settings: RunSettings,
  { parameters, trained }: LearnerCapabilities,
  memory: MemoryPlan | null,
): string[] {
  const model =
    memory === null
      ? [`model: ${parameters.toLocaleString("en")} parameters, ${trained.toLocaleString("en")} numbers trained`]
      : summaryLines(memory);
  return [...model, `cost of a step: ${costText(host, rollout, settings)}`];
}

/** What in the settings is allowed and seldom meant, a sentence each. */
export function settingWarnings({ promptsPerStep, promptsPerMinibatch }: RunSettings): string[] {
  if (promptsPerMinibatch === null || promptsPerStep % promptsPerMinibatch === 0) return [];
  if (promptsPerMinibatch > promptsPerStep) {
    return [
      `promptsPerMinibatch is ${promptsPerMinibatch} and a step has ${promptsPerStep} prompts, so that it makes one update; set promptsPerStep to what is meant`,
    ];
  }
  const [last, most] = [promptsPerStep % promptsPerMinibatch, promptsPerMinibatch];
  return [
    `minibatches of ${most} do not divide the ${promptsPerStep} prompts of a step: its last update is made of ${last} and weighs as much as the others`,
  ];
}

/**
 * What a step samples and how often that goes through the learner; bounds where plugins choose, since how many groups
 * they keep, replay or add is known when they have.
 */
function costText(host: Host, rollout: RolloutPlan, settings: RunSettings): string {
  const { promptsPerStep, maxRounds } = settings;
  const perPrompt = rollout.shares.reduce((sum, { count }) => sum + count, 0);
  const perRound = settings.promptsPerRound ?? promptsPerStep;
  const rounds = Math.min(maxRounds, Math.ceil(promptsPerStep / perRound));
  const { scored, learned, updates } = passesOf(host, rollout, settings);
  const [choosers, rowChoosers] = [tappers(host.hooks.groups), tappers(host.hooks.prompts)];
  const before = [
    ...new Set(
      host
        .scores("rewards")
        .filter(({ active }) => active)
        .map(({ view, weights }) => `${view} ${weights}`),
    ),
  ].length;
  const sampled = [
    `${rounds * perRound * perPrompt} responses sampled`,
    ...(rowChoosers === ""
      ? []
      : [`if ${rowChoosers} leave${rowChoosers.includes(", ") ? "" : "s"} the number of rows as it is`]),
    ...(choosers === "" || rounds === maxRounds
      ? []
      : [
          `${perRound * perPrompt} more in each further round that ${choosers} may ask for, ${maxRounds} rounds at most`,
        ]),
    ...(host.environments.size === 0
      ? []
      : [
          `each of up to ${Math.max(...[...host.environments.values()].map(({ maxTurns }) => maxTurns))} turns, with what ${[...host.environments.keys()].join(", ")} answer${host.environments.size === 1 ? "s" : ""} between them`,
        ]),
    ...(before === 0 ? [] : [`all of them scored ${times(before)} before rewards`]),
    ...(host.auxiliary.size === 0
      ? []
      : [`and what ${[...host.auxiliary.keys()].join(", ")} samples from prompts made of them`]),
  ].join(", ");
  const through = `scored ${shortest(scored)} times, learned from ${times(learned)}, in`;
  const count = `${updates} update${updates === 1 ? "" : "s"}`;
  const beside = besideText(groupsBeside(host, promptsPerStep * perPrompt), perPrompt);
  if (choosers === "") return `${sampled}, ${through} ${count}${beside}`;
  return (
    `${sampled}; what ${choosers} keep${choosers.includes(", ") ? "" : "s"}, replay${choosers.includes(", ") ? "" : "s"} or add${choosers.includes(", ") ? "" : "s"}, ` +
    `${promptsPerStep} groups (${promptsPerStep * perPrompt} responses) where the step is full, ${through} ${count}; groups of other steps among them are scored once more${beside}`
  );
}

/** What is trained on beside a step's own groups, at most, and what it costs besides what those cost. */
function besideText({ kept, made }: GroupsBeside, perPrompt: number): string {
  const parts = [
    ...(kept === 0 ? [] : [`up to ${kept} groups of earlier steps (${kept * perPrompt} responses), scored once more`]),
    ...made.map(
      ({ name, groups, responses }) => `up to ${groups} groups of "${name}" (${groups * responses} responses)`,
    ),
  ];
  return parts.length === 0 ? "" : `; beside them, through the learner as often: ${parts.join(", and ")}`;
}

/** Names of the plugins that tap a hook. */
const tappers = ({ taps }: { readonly taps: readonly { readonly name: string }[] }): string =>
  [...new Set(taps.map(({ name }) => name))].join(", ");

interface Passes {
  /** Forward passes over the responses of a full step; a pass over some of them is so much less. */
  readonly scored: number;
  readonly learned: number;
  readonly updates: number;
}

function passesOf(host: Host, { shares }: RolloutPlan, settings: RunSettings): Passes {
  const { promptsPerStep, promptsPerMinibatch, epochs } = settings;
  const active = host.scores().filter((score) => score.active);
  const minibatch = Math.min(promptsPerMinibatch ?? promptsPerStep, promptsPerStep);
  const old = scoresBy(active.filter(({ weights }) => weights !== "current"));
  const current = scoresBy([
    ...active.filter(({ weights }) => weights === "current"),
    { view: "original", weights: "current", output: "logProbs", share: 1 },
  ]);
  // The sampler's log-probs serve as the old ones, unless the same pass is needed for another output anyway.
  const serves =
    settings.oldLogProbs === "sampler" &&
    settings.parityPrompts > 0 &&
    settings.precision === "float32" &&
    shares.every(({ view }) => view === "original") &&
    !old.has("original old");
  if (!serves && !old.has("original old")) old.set("original old", { share: 1, outputs: [] });
  old.get("original old")?.outputs.push("logProbs");
  const known = (key: string, outputs: readonly string[]): boolean => {
    const [view] = key.split(" ");
    return outputs.every(
      (output) =>
        (view === "original" && output === "logProbs") || old.get(`${view} old`)?.outputs.includes(output) === true,
    );
  };
  // Before the first update the current weights are the old ones.
  const again = [...current].reduce(
    (sum, [key, { share, outputs }]) => sum + share * (epochs - (known(key, outputs) ? minibatch / promptsPerStep : 0)),
    0,
  );
  const once = [...old.values()].reduce((sum, { share }) => sum + share, 0);
  // The other side of a divergence is a pass of its own, in each minibatch where the scored weights are the current
  // ones, and for the pass back again.
  const sides = (wanted: (score: PlannedScore) => boolean): number =>
    new Set(
      active.flatMap((score) =>
        score.against !== null && wanted(score)
          ? [`${score.view} ${score.weights} ${score.against.view} ${score.against.weights}`]
          : [],
      ),
    ).size;
  const others =
    sides(({ weights }) => weights !== "current") +
    epochs * (sides(({ weights }) => weights === "current") + sides(({ gradient }) => gradient));
  const views = new Set(active.filter(({ gradient, view }) => gradient && view !== "original").map(({ view }) => view));
  return {
    scored: once + again + others,
    learned: epochs * (1 + views.size),
    updates: epochs * Math.ceil(promptsPerStep / minibatch),
  };
}

/** What one pass each gives, by view and weights. */
function scoresBy(
  scores: readonly (Pick<PlannedScore, "view" | "weights" | "output" | "share"> &
    Partial<Pick<PlannedScore, "against">>)[],
): Map<string, { share: number; outputs: string[] }> {
  const found = new Map<string, { share: number; outputs: string[] }>();
  for (const { view, weights, output, against = null, share } of scores) {
    const key = `${view} ${weights}`;
    const { share: other, outputs } = found.get(key) ?? { share: 0, outputs: [] };
    found.set(key, { share: Math.max(share, other), outputs: [...outputs, outputName({ output, against })] });
  }
  return found;
}

/** @throws Error naming the plugin and the array, or the view, when a learner cannot give what is needed. */
export function checkCapabilities(
  scores: readonly PlannedScore[],
  views: Iterable<View>,
  { outputs, attention, decoder }: LearnerCapabilities,
): void {
  for (const { name, attention: needed } of views) {
    if (needed === true && !attention)
      throw new Error(
        `The view "${name}" needs the attention of the policy's vision tower, which this learner does not give: use another learner, or leave the view out`,
      );
  }
  for (const { output, view, weights, plugins } of scores) {
    if (!outputs.includes(kindOf(output))) {
      throw new Error(
        `${plugins.join(", ")} needs the output "${output}" of the view "${view}", and this learner gives ${outputs.join(", ")} only: use another learner, or leave the plugin out`,
      );
    }
    // Another model, under a name of its own, may have other layers.
    if (decoder !== undefined && ownWeights.includes(weights)) checkParts(output, decoder, plugins);
  }
}

/** @throws Error naming who asks for a layer or a head that the decoder does not have */
function checkParts(
  output: PlannedScore["output"],
  decoder: Required<LearnerCapabilities>["decoder"],
  plugins: readonly string[],
): void {
  const statistic = attentionOf(output);
  if (statistic === null) return;
  try {
    partsOf(statistic, decoder);
  } catch (error) {
    throw new Error(`${plugins.join(", ")}: ${(error as Error).message}`, { cause: error });
  }
}

const times = (count: number): string => `${shortest(count)} time${count === 1 ? "" : "s"}`;
const shortest = (count: number): string => String(Number(count.toFixed(1)));
