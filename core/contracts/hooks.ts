/** Every decision point of a run. */
import type { Decision, GroupSelection, GroupsContext, RolloutPlan, StepContext, TermSlot } from "./hook-values.ts";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { AsyncSeriesBailHook, AsyncSeriesHook, AsyncSeriesWaterfallHook, SyncWaterfallHook } from "tapable";
import { returning } from "./results/returning.ts";
import type { RunEnding } from "./ending.ts";
import {
  decisionFault,
  nothingFault,
  numberFault,
  planFault,
  rewardsFault,
  rowsFault,
  selectionFault,
} from "./results/plain-results.ts";
import type { Term } from "./step/term.ts";
import { advantagesFault, termsFault, weightsFault } from "./results/tensor-results.ts";
import type { Batch, JudgedGroup, Minibatch } from "./step/batch.ts";
import type { Row } from "./step/row.ts";
import type { StepSummary } from "./events.ts";

/**
 * Every hook of a run, in the order one step calls them, and its end: type, value, words, and what a tap must return,
 * which the guard around each tap checks (`core/host/taps.ts`). What a tap is given is not to be changed in place.
 */
export const createHooks = () =>
  Object.freeze({
    /** Value of a coefficient for this step. Waterfall: return it, changed or not. */
    coefficient: returning(
      new SyncWaterfallHook<[value: number, of: { readonly name: string } & StepContext]>(
        ["value", "of"],
        "coefficient",
      ),
      "a finite number",
      numberFault,
    ),
    /** How the step samples: group size, views sampled from, longest response. Waterfall: return the plan to use. */
    rollout: returning(
      new SyncWaterfallHook<[plan: RolloutPlan, context: StepContext]>(["plan", "context"], "rollout"),
      "a plan: shares with whole counts from 1 of views that can be sampled from, and a whole maxNewTokens from 1",
      planFault,
    ),
    /** Choose the rows of a round of sampling. Waterfall: return the list to use. */
    prompts: returning(
      new AsyncSeriesWaterfallHook<[rows: readonly Row[], context: StepContext & { readonly round: number }]>(
        ["rows", "context"],
        "prompts",
      ),
      "a list of rows, each with id, prompt, system, images, answer and fields",
      rowsFault,
    ),
    /**
     * Rewards of a group's responses, [G], all scorers, scores of stage "rewards" and auxiliary rollouts done.
     * Waterfall: return them, shaped.
     */
    rewards: returning(
      new AsyncSeriesWaterfallHook<[rewards: readonly number[], group: JudgedGroup]>(["rewards", "group"], "rewards"),
      "one finite number for each of the group's responses, in their order",
      rewardsFault,
    ),
    /**
     * Choose the groups worth training on, and whether to sample more. Waterfall. Carried groups come first, then those
     * of this step as they were sampled; of these alone there may be more than `wanted`: the first are trained on.
     * Groups of trained auxiliary rollouts stand in `beside`.
     */
    groups: returning(
      new AsyncSeriesWaterfallHook<[selection: GroupSelection, context: GroupsContext]>(
        ["selection", "context"],
        "groups",
      ),
      "the selection: groups of this step or carried ones, each once, at most `wanted` where carried ones are among them, sampleMore, and beside: carried groups that there is room for, and those of trained auxiliary rollouts",
      selectionFault,
    ),
    /** Advantages of the whole batch, [B, T], zeros at first. Waterfall. */
    advantages: returning(
      new SyncWaterfallHook<[advantages: Tensor2D, batch: Batch]>(["advantages", "batch"], "advantages"),
      "a float32 tensor [B, T], finite wherever a token counts",
      advantagesFault,
    ),
    /** Terms of the loss, each [B, T] and unreduced, over the whole minibatch. Waterfall: return them with yours. */
    terms: returning(
      new SyncWaterfallHook<[terms: readonly Term[], batch: Minibatch]>(["terms", "batch"], "terms"),
      "the terms received with yours: [...terms, { name, value: a float32 tensor [B, T], reduction }], finite wherever a token counts",
      termsFault,
    ),
    /** Weights of one named term, [B, T], ones at first, before or after its clip. Waterfall: multiply yours in. */
    weights: returning(
      new SyncWaterfallHook<[weights: Tensor2D, of: TermSlot]>(["weights", "of"], "weights"),
      "a float32 tensor [B, T] or [B, 1] of constants, finite wherever a token counts",
      weightsFault,
    ),
    /** One step is done and its metrics are known. Bail: say what to do instead of going on. */
    stepped: returning(
      new AsyncSeriesBailHook<[summary: StepSummary], Decision | undefined>(["summary"], "stepped"),
      "nothing to go on, { stop: reason }, or { rollBack: reason, before?: step }",
      decisionFault,
    ),
    /**
     * The run has ended, whichever way: called once by each process that trained it and was not killed, when weights,
     * checkpoint and metrics are written. For what a plugin holds open or writes down in `run.output`. Nothing of the
     * run can be changed any more: no step has a metric of it, no checkpoint its state. A fault is an alarm, the run
     * ends as it ended, and the plugins after it are called.
     */
    ended: returning(
      new AsyncSeriesHook<[ending: RunEnding]>(["ending"], "ended"),
      "nothing: the run has ended",
      nothingFault,
    ),
  });

export type RunHooks = ReturnType<typeof createHooks>;

/** Plugins may tap, never call; async hooks take promises only, so that no tap goes unawaited. */
type Tappable<H> = Pick<
  H,
  Extract<keyof H, "tapPromise"> extends never ? Extract<keyof H, "tap"> : Extract<keyof H, "tapPromise">
>;
export type Hooks = { readonly [K in keyof RunHooks]: Tappable<RunHooks[K]> };
