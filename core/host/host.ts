/**
 * Applies a recipe's plugins and holds everything they registered: what the steps of a run, and `lossOf`, work with.
 */
import type { AuxiliaryRollout } from "../contracts/registered/auxiliary.ts";
import type { WeightsCopy } from "../contracts/registered/copies.ts";
import type { RunEnding } from "../contracts/ending.ts";
import type { Events } from "../contracts/events.ts";
import type { StepContext } from "../contracts/hook-values.ts";
import type { RunHooks } from "../contracts/hooks.ts";
import type { Plugin } from "../contracts/plugin.ts";
import type { Scorer } from "../contracts/registered/scorer.ts";
import type { PlannedScore } from "../contracts/registered/scores.ts";
import type { Environment } from "../contracts/registered/environment.ts";
import type { Teacher } from "../contracts/registered/teachers.ts";
import type { View } from "../contracts/registered/views.ts";
import type { Random } from "../math/random.ts";
import { PluginError } from "../messages/plugin-error.ts";
import { applyPlugin, checkPlugins } from "./apply.ts";
import { tellEnd } from "./ending.ts";
import type { KeptGroups } from "./kept-groups.ts";
import { identityOf } from "./labels.ts";
import { createParts, type HostOptions, type Parts } from "./parts.ts";
import type { SavedState } from "./plugin-state.ts";
import { describeScore } from "./score-requests.ts";
import { checkKept } from "./taps.ts";

/** A recipe, applied. The pipeline calls hooks; plugins only tap them. */
export interface Host {
  /** What they go by, in the order of the recipe: names, with labels where there are any. */
  readonly plugins: readonly string[];
  readonly hooks: RunHooks;
  readonly events: Events;
  /** The root of the run's randomness. */
  readonly random: Random;
  /** By name, "original" not among them. */
  readonly views: ReadonlyMap<string, View>;
  /** By name, in the order of the recipe. */
  readonly scorers: ReadonlyMap<string, Scorer>;
  /** Names of the scorers that a plugin registered. */
  scorersOf(plugin: string): readonly string[];
  /** By name. */
  readonly auxiliary: ReadonlyMap<string, AuxiliaryRollout>;
  /** By name, in the order of the recipe. */
  readonly environments: ReadonlyMap<string, Environment>;
  /** By name. */
  readonly copies: ReadonlyMap<string, WeightsCopy>;
  /** By name. */
  readonly teachers: ReadonlyMap<string, Teacher>;
  /**
   * The arrays of a stage (default "experience") to compute with the coefficients in force, merged; inactive ones are
   * listed too.
   */
  scores(stage?: PlannedScore["stage"]): readonly PlannedScore[];
  /** Coefficients in force, by name. */
  coefficients(): Readonly<Record<string, number>>;
  /** The plugin that gave a term; undefined for a name never seen. */
  ownerOf(term: string): string | undefined;
  /** The terms that a plugin has given so far. */
  termsOf(plugin: string): readonly string[];
  /**
   * Refresh every coefficient for this step and drop metrics left from before. What plugins are given, and what they
   * return, is checked in every step; tensors that asynchronous taps leave are counted in the first two that a host
   * meets.
   */
  beginStep(context: StepContext): void;
  /** The step's metrics, averaged, and forget them. @throws PluginError naming a plugin that keeps tensors */
  takeMetrics(): Record<string, number>;
  /** Give an alarm, once in a run. @param about what it is about, where the message holds numbers that change */
  warn(message: string, about?: string): void;
  /** Call the hook `ended`. What a plugin does wrong in it is an alarm; never throws. */
  end(ending: RunEnding): Promise<void>;
  /** Let work see other values of coefficients than those in force. */
  withCoefficients<T>(values: Readonly<Record<string, number>>, work: () => Promise<T>): Promise<T>;
  readonly keptGroups: Pick<KeptGroups, "save" | "load" | "room">;
  saveState(): SavedState;
  loadState(saved: SavedState): void;
  /** What the run will do, one printable line each. */
  plan(): string[];
}

/**
 * Apply plugins in order, each to its own `Run`.
 * @throws PluginError or Error when two plugins share a name, names and classes differ, `apply` throws, something is
 * registered twice, or a view is asked for that nobody registers
 */
export function createHost(plugins: readonly Plugin[], options: HostOptions): Host {
  checkPlugins(plugins);
  const parts = createParts(options);
  for (const plugin of plugins) applyPlugin(plugin, parts);
  checkAsked(parts, options.givenViews ?? []);
  return assemble(plugins, parts);
}

/**
 * What is asked for is there, when all plugins are applied.
 * @throws PluginError naming who asks, or who shares a name
 */
function checkAsked(parts: Parts, givenViews: readonly string[]): void {
  const { requests, views, copies, teachers, auxiliary, environments } = parts;
  requests.checkViews(views.items, givenViews);
  const both = [...teachers.items.keys()].find((name) => copies.items.has(name));
  if (both !== undefined) {
    const other = `${copies.ownerOf(both)} a copy of the weights of that name`;
    throw new PluginError(
      teachers.ownerOf(both)!,
      `registers the teacher "${both}", and ${other}; choose another name`,
    );
  }
  for (const { name, environments: asked = [] } of auxiliary.items.values()) {
    const missing = asked.find((environment) => !environments.items.has(environment));
    if (missing === undefined) continue;
    const there = [...environments.items.keys()].join(", ") || "none";
    const what = `the auxiliary rollout "${name}" with the environment "${missing}", which is not registered`;
    throw new PluginError(auxiliary.ownerOf(name)!, `registers ${what}; there are: ${there}`);
  }
  requests.checkWeights([...copies.items.keys(), ...teachers.items.keys()]);
}

/**
 * Steps in which tensors are counted before and after each asynchronous tap: a plugin that leaves some does so at once.
 */
const countedSteps = 2;

function assemble(plugins: readonly Plugin[], parts: Parts): Host {
  const { guarding } = parts;
  const steps = new Set<number>();
  return {
    plugins: plugins.map(identityOf),
    hooks: parts.hooks,
    events: parts.events,
    random: parts.random,
    views: parts.views.items,
    scorers: parts.scorers.items,
    scorersOf: (plugin) => [...parts.scorers.items.keys()].filter((name) => parts.scorers.ownerOf(name) === plugin),
    auxiliary: parts.auxiliary.items,
    environments: parts.environments.items,
    copies: parts.copies.items,
    teachers: parts.teachers.items,
    scores: (stage) => parts.requests.planned(stage),
    coefficients: () => parts.coefficients.values(),
    ownerOf: (term) => guarding.terms.get(term),
    termsOf: (plugin) => [...guarding.terms].flatMap(([term, owner]) => (owner === plugin ? [term] : [])),
    beginStep: (context) => {
      parts.metrics.take();
      guarding.counting = steps.add(context.step).size <= countedSteps;
      parts.warnings.step = context.step;
      parts.coefficients.refresh(parts.hooks.coefficient, context);
    },
    takeMetrics: () => {
      checkKept(guarding);
      return parts.metrics.take();
    },
    warn: (message, about) => parts.warnings.once("run", message, about),
    end: (ending) => tellEnd(ending, parts),
    withCoefficients: (values, work) => parts.coefficients.during(values, work),
    keptGroups: parts.keptGroups,
    saveState: () => parts.states.save(),
    loadState: (saved) => parts.states.load(saved),
    plan: () => planLines(plugins, parts),
  };
}

function planLines(plugins: readonly Plugin[], parts: Parts): string[] {
  const { views, scorers, copies, teachers, auxiliary, environments, requests } = parts;
  const weights = (name: string, owner: string | undefined, what: string): string =>
    `weights "${name}" by ${owner}: ${what}`;
  return [
    `plugins: ${plugins.map(identityOf).join(", ")}`,
    ...[...views.items.keys()].map((name) => `view "${name}" by ${views.ownerOf(name)}`),
    ...[...scorers.items.values()].map(
      ({ name, weight }) => `reward "${name}" × ${weight} by ${scorers.ownerOf(name)}`,
    ),
    ...[...copies.items.values()].map(({ name, decay, every }) =>
      weights(name, copies.ownerOf(name), `decay ${decay} every ${every} steps`),
    ),
    ...[...teachers.items.values()].map(({ name, folder }) =>
      weights(name, teachers.ownerOf(name), `those of ${folder}, which never change`),
    ),
    ...[...auxiliary.items.values()].map(
      ({ name, trained }) =>
        `auxiliary rollout "${name}"${trained === true ? ", which is trained on," : ""} by ${auxiliary.ownerOf(name)}`,
    ),
    ...[...environments.items.values()].map(
      ({ name, maxTurns }) =>
        `environment "${name}" by ${environments.ownerOf(name)}: responses of up to ${maxTurns} turns`,
    ),
    ...[...requests.planned("rewards"), ...requests.planned()].map((score) => `score: ${describeScore(score)}`),
  ];
}
