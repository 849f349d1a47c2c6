/** The plugin contract and what a plugin is handed. */
import type { AuxiliaryRollout } from "./registered/auxiliary.ts";
import type { WeightsCopy } from "./registered/copies.ts";
import type { Environment } from "./registered/environment.ts";
import type { Events } from "./events.ts";
import type { Coefficient } from "./registered/coefficient.ts";
import type { Group } from "./step/sample.ts";
import type { KeptRoom } from "./step/carried-group.ts";
import type { Hooks } from "./hooks.ts";
import type { ScoreHandle, ScoreRequest } from "./registered/scores.ts";
import type { Teacher } from "./registered/teachers.ts";
import type { View } from "./registered/views.ts";
import type { Scorer } from "./registered/scorer.ts";
import type { Random } from "../math/random.ts";

/**
 * A plugin: options in the constructor, taps in `apply`. Instances hold options only; state is born inside `apply`,
 * so one instance may serve several runs.
 */
export interface Plugin {
  /** Equal to the class's name. */
  readonly name: string;
  /**
   * Tells further instances of a class in one recipe apart; see `labelled`. Name and label together are unique in a
   * run.
   */
  readonly label?: string;
  /**
   * What options were by default in earlier versions, where that is what their default means now: a run that was saved
   * with them goes on. Default: none.
   */
  readonly formerDefaults?: Readonly<Record<string, unknown>>;
  /** It writes down what happens and changes nothing: a resumed run may have others. */
  readonly observes?: boolean;
  /** Not async: tap and register at once. */
  apply(run: Run): void;
}

/** What `apply` is handed; each plugin gets its own, so that errors and terms carry its name. */
export interface Run {
  /**
   * Every decision point, to be tapped with the plugin's own name: `hooks.terms.tap(this.name, …)`; taps run in the
   * order of the recipe.
   */
  readonly hooks: Hooks;
  /** Observe only: `response`, `group`, `experience`, `step`, `alarm`, … (see RunEvents). */
  readonly events: Events;
  /** Each `register` returns the name in force: the given one, with the plugin's label where it has one. */
  readonly views: { register(view: View): string };
  /** Arrays that the learner is to compute; the handle is what `batch.get` and `group.get` take. */
  readonly scores: { request(request: ScoreRequest): ScoreHandle };
  /** What gives responses numbers: a reward is Σ weight · part over all scorers. */
  readonly rewards: { register(scorer: Scorer): string };
  /** Prompts made of responses, sampled and judged before the hook `rewards`. */
  readonly auxiliary: { register(rollout: AuxiliaryRollout): string };
  /** What answers the policy between its turns, so that a response goes on: words, and pictures. */
  readonly environments: { register(environment: Environment): string };
  /** Copies of the weights for score requests. */
  readonly copies: { register(copy: WeightsCopy): string };
  /** Other folders' weights for score requests: models that never change, of the policy's tokenizer. */
  readonly teachers: { register(teacher: Teacher): string };
  /**
   * A coefficient that schedules and guards can change by name. Its value in a step comes from the hook `coefficient`.
   */
  readonly coefficient: (name: string, initial: number) => Coefficient;
  /** State saved with the run and restored on resume: any JSON value. Read and write `.value`. */
  readonly state: <T>(initial: T) => { value: T };
  /**
   * Groups kept from one step for a later one: saved with the run and given back on resume, their prompts made anew.
   * Read and write `.value`, a list that is replaced and not changed in place; `carriedGroup` makes what belongs in it.
   * @param room how many they are, needed for training on them beside a step's own; default: any number, none beside
   */
  readonly keptGroups: (room?: KeptRoom) => { value: readonly Group[] };
  /** Random numbers of this plugin, keyed by the run's seed, the plugin's name and its label. */
  readonly random: Random;
  /** The run's folder, for what a plugin writes down; null where the run has none, in tests say. */
  readonly output: string | null;
  /** Add a number to the step's metrics (averaged when given several times in a step). */
  readonly metric: (name: string, value: number) => void;
  /**
   * Say something that a person should know, as an alarm, once in a run.
   * @param about what it is about, where the message holds numbers that change
   */
  readonly warn: (message: string, about?: string) => void;
}
