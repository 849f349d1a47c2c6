/** The first half of a step: prompts → views → rollout → reward → groups, in rounds until the step is full. */
import type { OrderPosition } from "../../data/row-order.ts";
import type { Group, Prompt, Sample } from "../../contracts/step/sample.ts";
import type { JudgedGroup } from "../../contracts/step/batch.ts";
import type { Host } from "../../host/host.ts";
import type { GroupSelection, RolloutPlan, StepContext } from "../../contracts/hook-values.ts";
import { judgeRound } from "../../rewards/judged.ts";
import type { RewardDesk } from "../../rewards/rewards.ts";
import {
  sampleGroups,
  samplingFor,
  startGroups,
  type RolloutContext,
  type StartedGroups,
} from "../../rewards/rollouts.ts";
import type { Turns } from "../../rewards/turns.ts";
import { PromptSource, promptMaker, type PromptSupply } from "./prompt-source.ts";
import { SampleReports } from "./sample-reports.ts";
import type { RunSettings } from "../../contracts/settings.ts";

export interface Collecting extends PromptSupply {
  readonly desk: RewardDesk;
  /** When it fires, sampling ends as soon as it can, and the step with it. */
  readonly giveUp?: AbortSignal;
}

/** What a step samples. */
export interface Collected {
  /** Kept to train on, in the order of their prompts, at most `promptsPerStep`. */
  readonly groups: readonly Group[];
  /** Trained on beside them: see GroupSelection. */
  readonly beside: readonly Group[];
  /** All groups that trained auxiliary rollouts made. */
  readonly made: readonly Group[];
  /** All that were sampled, round after round, but those that a failing scorer had left out. */
  readonly sampled: readonly Group[];
  /** Those. */
  readonly dropped: readonly Group[];
  /** How many more were kept than the step trains on. */
  readonly surplus: number;
  readonly rounds: number;
  /** How they were sampled. */
  readonly plan: RolloutPlan;
  /** Entries of the reward journal that auxiliary rollouts made, in order. */
  readonly auxiliary: readonly { readonly round: number; readonly sample: Sample }[];
  readonly skippedRows: number;
  readonly scorerFailures: number;
}

/** A step whose first round is being sampled. */
export interface StartedStep {
  readonly context: StepContext;
  /** Place in the data before the step took its rows. */
  readonly position: OrderPosition;
  readonly plan: RolloutPlan;
  readonly source: PromptSource;
  readonly rollout: RolloutContext;
  readonly reports: SampleReports;
  readonly prompts: readonly Prompt[];
  readonly first: StartedGroups;
}

const promptsPerRound = ({ promptsPerRound: perRound, promptsPerStep }: RunSettings): number =>
  perRound ?? promptsPerStep;

/** Choose a step's first prompts and begin to sample from them, with the weights of this moment. */
export async function startCollecting(context: StepContext, run: Collecting): Promise<StartedStep> {
  const { position } = run.order;
  const plan = planRollout(context, run);
  const source = new PromptSource(context, run);
  const prompts = await source.take(promptsPerRound(run.settings), 0);
  const reports = new SampleReports(context.step, run.host);
  const rollout = rolloutContext(run, plan, reports.add);
  return {
    context,
    position,
    plan,
    source,
    rollout,
    reports,
    prompts,
    first: startGroups(prompts, { step: context.step, round: 0 }, rollout),
  };
}

/**
 * Sample rounds of prompts until the step is full; past `promptsPerStep` prompts only while a plugin asks for more; at
 * most `maxRounds`.
 */
export async function collectGroups(
  { context, plan, source, rollout, reports, ...start }: StartedStep,
  run: Collecting,
): Promise<Collected> {
  const { host, settings, giveUp } = run;
  const wanted = settings.promptsPerStep;
  const perRound = promptsPerRound(settings);
  const plannedRounds = Math.ceil(wanted / perRound);
  const sampled: Group[] = [];
  const dropped: Group[] = [];
  const made: Group[] = [];
  const auxiliary: { round: number; sample: Sample }[] = [];
  const maker = promptMaker(run);
  reports.open();
  let round = 0;
  let kept: readonly Group[] = [];
  let beside: readonly Group[] = [];
  let more = true;
  for (; more && round < settings.maxRounds; round++) {
    giveUp?.throwIfAborted();
    const prompts = round === 0 ? start.prompts : await source.take(perRound, round);
    const place = { step: context.step, round };
    const judgedAll = await (round === 0 ? start.first.groups : sampleGroups(prompts, place, rollout));
    const fails = ({ samples }: Group): boolean => samples.some((sample) => sample.dropped === true);
    const groups = judgedAll.filter((group) => !fails(group));
    dropped.push(...judgedAll.filter(fails));
    const judged = await judgeRound(groups, place, { ...run, rollout, maker });
    // A step's own responses may be worth what was made of them.
    for (const group of [...judged.made, ...judged.groups]) await shapeRewards(group, host);
    for (const group of judged.groups) {
      for (const name of host.auxiliary.keys())
        auxiliary.push(
          ...group
            .auxiliary(name)
            .flat()
            .map((sample) => ({ round, sample })),
        );
    }
    const added = judged.made.map(({ get: _, auxiliary: __, step: ___, ...group }) => group);
    for (const group of [...groups, ...added]) host.events.emit("group", { step: context.step, group });
    sampled.push(...groups);
    made.push(...added);
    const offered = {
      groups: [...kept, ...groups],
      wanted,
      round,
      lastRound: round + 1 === settings.maxRounds,
      sampleMore: false,
      beside: [...beside, ...added],
    };
    const selection = await host.hooks.groups.promise(offered, { ...context, sampled: [...sampled], made: [...made] });
    kept = inOrder(selection, sampled);
    beside = selection.beside ?? [];
    more = (selection.sampleMore || round + 1 < plannedRounds) && kept.length < wanted && prompts.length > 0;
  }
  const groups = kept.slice(0, wanted);
  const chosen = {
    groups,
    beside: besideThese(groups, beside),
    made,
    sampled,
    dropped,
    surplus: Math.max(0, kept.length - wanted),
  };
  return { ...chosen, rounds: round, plan, auxiliary, skippedRows: source.skipped, scorerFailures: reports.failures };
}

/**
 * None beside nothing, so that a step that carries its groups over changes no weight; none made of a group that is not
 * trained on.
 */
function besideThese(groups: readonly Group[], beside: readonly Group[]): Group[] {
  const own = new Set(groups.map(({ key }) => key));
  return groups.length === 0
    ? []
    : beside.filter(({ carried, madeOf }) => carried === true || madeOf === undefined || own.has(madeOf));
}

/** The settings' plan as plugins change it. */
export function planRollout(
  context: StepContext,
  { host, settings }: Pick<Collecting, "host" | "settings">,
): RolloutPlan {
  const { samplesPerPrompt, sampling } = settings;
  return host.hooks.rollout.call(
    { shares: [{ view: "original", count: samplesPerPrompt }], maxNewTokens: sampling.maxNewTokens },
    context,
  );
}

function rolloutContext(
  { policy, host, settings, desk, giveUp }: Collecting,
  { shares, maxNewTokens }: RolloutPlan,
  onSample: RolloutContext["onSample"],
): RolloutContext {
  return {
    ...policy,
    desk,
    sampling: samplingFor(policy.processor, { ...settings.sampling, maxNewTokens }),
    shares,
    random: host.random.key("rollout"),
    onSample,
    turns: turnsOf(host),
    ...(giveUp === undefined ? {} : { giveUp }),
  };
}

/** The recipe's environments. */
export const turnsOf = ({ environments, warn }: Pick<Host, "environments" | "warn">): Turns => ({
  environments: [...environments.values()],
  warn,
});

/** Let plugins shape the weighted sums of a group; what they return becomes the samples' rewards. */
async function shapeRewards(group: JudgedGroup, { hooks }: Host): Promise<void> {
  const rewards = await hooks.rewards.promise(
    group.samples.map(({ reward }) => reward),
    group,
  );
  group.samples.forEach((sample, index) => (sample.reward = rewards[index]!));
}

/** Carried groups first, then those kept of this step in the order they were sampled in, each once. */
function inOrder({ groups }: GroupSelection, sampled: readonly Group[]): Group[] {
  const byKey = new Map(groups.map((group) => [group.key, group]));
  const own = new Set(sampled.map(({ key }) => key));
  const carried = [...byKey.values()].filter((group) => group.carried === true && !own.has(group.key));
  return [...carried, ...sampled.flatMap(({ key }) => byKey.get(key) ?? [])];
}
