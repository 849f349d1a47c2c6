/** Every decision point of a run. */
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { AsyncSeriesBailHook, AsyncSeriesWaterfallHook, SyncWaterfallHook } from "tapable";
import type { Batch, Group, JudgedGroup, Minibatch, Row } from "./batch.ts";
import type { StepSummary } from "./events.ts";
import type { Term } from "../loss/loss.ts";

/** The step a hook is called in. */
export interface StepContext {
  /** From 1. */
  readonly step: number;
  readonly steps: number;
}

/** Responses to each prompt that are sampled from one view of it. */
export interface RolloutShare {
  /** "original" or a registered view of scope "prompt". */
  readonly view: string;
  readonly count: number;
}

/** How a step samples. Rewards compare all responses to a prompt, whichever view they were sampled from. */
export interface RolloutPlan {
  readonly shares: readonly RolloutShare[];
  /** Responses are cut at this many tokens. */
  readonly maxNewTokens: number;
}

/** The groups a step has so far. */
export interface GroupSelection {
  /** Ordered by prompt, not by who finished first. */
  readonly groups: readonly Group[];
  /** How many the step wants. */
  readonly wanted: number;
  /** Rounds done before this one; 0 is the first. */
  readonly round: number;
  /** The run samples no further round in this step, whatever is asked for. */
  readonly lastRound: boolean;
  /** True asks for another round of fresh prompts when `groups` are fewer than wanted. */
  readonly sampleMore: boolean;
}

/** What to do instead of going on, and why; `rollBack` takes the newest checkpoint, of those up to step `before` where one is given. */
export type Decision = { readonly stop: string } | { readonly rollBack: string; readonly before?: number };

/** Which weights of a term are asked for. */
export interface TermSlot {
  readonly term: string;
  readonly slot: "before_clip" | "after_clip";
  readonly batch: Minibatch;
}

/** Every hook of a run, in the order one step calls them. */
export const createHooks = () =>
  Object.freeze({
    /** Value of a coefficient for this step. Waterfall: return it, changed or not. */
    coefficient: new SyncWaterfallHook<[value: number, of: { readonly name: string } & StepContext]>(["value", "of"], "coefficient"),
    /** How the step samples: group size, views sampled from, longest response. Waterfall: return the plan to use. */
    rollout: new SyncWaterfallHook<[plan: RolloutPlan, context: StepContext]>(["plan", "context"], "rollout"),
    /** Choose the rows of a round of sampling. Waterfall: return the list to use. */
    prompts: new AsyncSeriesWaterfallHook<[rows: readonly Row[], context: StepContext & { readonly round: number }]>(["rows", "context"], "prompts"),
    /** Rewards of a group's responses, [G], all scorers, scores of stage "rewards" and auxiliary rollouts done. Waterfall: return them, shaped. */
    rewards: new AsyncSeriesWaterfallHook<[rewards: readonly number[], group: JudgedGroup]>(["rewards", "group"], "rewards"),
    /** Choose the groups worth training on, and whether to sample more. Waterfall. */
    groups: new AsyncSeriesWaterfallHook<[selection: GroupSelection, context: StepContext]>(["selection", "context"], "groups"),
    /** Advantages of the whole batch, [B, T], zeros at first. Waterfall. */
    advantages: new SyncWaterfallHook<[advantages: Tensor2D, batch: Batch]>(["advantages", "batch"], "advantages"),
    /** Terms of the loss, each [B, T] and unreduced, over the whole minibatch. Waterfall: return them with yours. */
    terms: new SyncWaterfallHook<[terms: readonly Term[], batch: Minibatch]>(["terms", "batch"], "terms"),
    /** Weights of one named term, [B, T], ones at first, before or after its clip. Waterfall: multiply yours in. */
    weights: new SyncWaterfallHook<[weights: Tensor2D, of: TermSlot]>(["weights", "of"], "weights"),
    /** One step is done and its metrics are known. Bail: say what to do instead of going on. */
    stepped: new AsyncSeriesBailHook<[summary: StepSummary], Decision | undefined>(["summary"], "stepped"),
  });

export type RunHooks = ReturnType<typeof createHooks>;

/** Plugins may tap, never call; async hooks take promises only, so that no tap goes unawaited. */
type Tappable<H> = Pick<H, Extract<keyof H, "tapPromise"> extends never ? Extract<keyof H, "tap"> : Extract<keyof H, "tapPromise">>;
export type Hooks = { readonly [K in keyof RunHooks]: Tappable<RunHooks[K]> };
