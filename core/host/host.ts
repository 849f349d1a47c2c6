/** Applies a recipe's plugins and holds everything they registered: what the steps of a run, and `lossOf`, work with. */
import mittModule from "mitt";
import { createRandom } from "../math/random.ts";
import type { Random } from "../math/random.ts";
import { Coefficients } from "./coefficients.ts";
import type { Registered } from "../contracts/returning.ts";
import { describe, isRecord, isThenable, strict } from "../messages/describe.ts";
import type { AuxiliaryRollout } from "../contracts/auxiliary.ts";
import type { Teacher } from "../contracts/teachers.ts";
import type { WeightsCopy } from "../contracts/copies.ts";
import { eventNames } from "../contracts/events.ts";
import type { Events, RunEvents } from "../contracts/events.ts";
import type { RunEnding } from "../contracts/ending.ts";
import { createHooks } from "../contracts/hooks.ts";
import { withoutSecrets } from "../options/secrets.ts";
import type { RunHooks } from "../contracts/hooks.ts";
import type { StepContext } from "../contracts/hook-values.ts";
import { StepMetrics } from "./metrics.ts";
import type { Plugin, Run } from "../contracts/plugin.ts";
import { PluginStates } from "./plugin-state.ts";
import type { SavedState } from "./plugin-state.ts";
import { KeptGroups } from "./kept-groups.ts";
import { tellEnd } from "./ending.ts";
import { identityOf, labelFault, labelledRun } from "./labels.ts";
import { checkedView } from "./registered-view.ts";
import { checkEventName, checkedAuxiliary, checkedCopy, checkedRequest, checkedScorer, checkedTeacher } from "./registrations.ts";
import type { Scorer } from "../contracts/scorer.ts";
import { ScoreRequests, describeScore } from "./score-requests.ts";
import type { PlannedScore } from "../contracts/scores.ts";
import { PluginError, pluginError } from "../messages/plugin-error.ts";
import { checkKept, guardTaps } from "./taps.ts";
import type { Guarding } from "./taps.ts";
import { Warnings } from "./warnings.ts";
import type { View } from "../contracts/views.ts";

// The package is an ES module whose types claim CommonJS: TypeScript sees the function one level too deep.
const mitt = mittModule as unknown as typeof mittModule.default;

export interface HostOptions {
  /** All randomness of the run comes from it. */
  readonly seed: number;
  /** The run's folder; null, the default, where it has none. */
  readonly output?: string | null;
  /** Views whose scores somebody gives directly, so that no plugin need register them: for tests of a loss. Default none. */
  readonly givenViews?: readonly string[];
  /** Seconds that an asynchronous hook, or a function that a plugin registered, may take. Default 1800. */
  readonly hookSeconds?: number;
  /** Told when an event listener throws; the run goes on. Default: a process warning. */
  readonly onListenerError?: (message: string, error: unknown) => void;
}

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
  /** By name. */
  readonly copies: ReadonlyMap<string, WeightsCopy>;
  /** By name. */
  readonly teachers: ReadonlyMap<string, Teacher>;
  /** The arrays of a stage (default "experience") to compute with the coefficients in force, merged; inactive ones are listed too. */
  scores(stage?: PlannedScore["stage"]): readonly PlannedScore[];
  /** Coefficients in force, by name. */
  coefficients(): Readonly<Record<string, number>>;
  /** The plugin that gave a term; undefined for a name never seen. */
  ownerOf(term: string): string | undefined;
  /** The terms that a plugin has given so far. */
  termsOf(plugin: string): readonly string[];
  /**
   * Refresh every coefficient for this step and drop metrics left from before. What plugins are given, and what they
   * return, is checked in every step; tensors that asynchronous taps leave are counted in the first two that a host meets.
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
 * @throws PluginError or Error when two plugins share a name, names and classes differ, `apply` throws, something is registered
 * twice, or a view is asked for that nobody registers
 */
export function createHost(plugins: readonly Plugin[], options: HostOptions): Host {
  checkPlugins(plugins);
  const hooks = createHooks();
  const events = safeEvents(options.onListenerError ?? warn);
  const warnings = new Warnings(events);
  const views = new Registry<View>("view");
  const coefficients = new Coefficients();
  const keptGroups = new KeptGroups();
  const { hookSeconds = 1800, givenViews = [] } = options;
  const registered: Registered = {
    sampledViews: () => {
      const early = [...views.items.values()].filter(({ scope, values }) => scope !== "response" && values === undefined);
      return ["original", ...early.map(({ name }) => name), ...givenViews];
    },
    besideRoom: () => keptGroups.room().beside,
    isCoefficient: (value) => coefficients.has(value),
  };
  const guarding: Guarding = { applying: null, terms: new Map(), counting: true, limitSeconds: hookSeconds, registered, kept: [], tell: ({ plugin, what }) => warnings.once(plugin, what) };
  guardTaps(hooks, guarding);
  const parts: Parts = {
    hooks,
    events,
    warnings,
    guarding,
    random: createRandom(options.seed),
    output: options.output ?? null,
    views,
    scorers: new Registry<Scorer>("scorer"),
    auxiliary: new Registry<AuxiliaryRollout>("auxiliary rollout"),
    copies: new Registry<WeightsCopy>("copy"),
    teachers: new Registry<Teacher>("teacher"),
    requests: new ScoreRequests(),
    coefficients,
    states: new PluginStates(),
    keptGroups,
    metrics: new StepMetrics((plugin, message, about) => warnings.once(plugin, message, about)),
  };
  for (const plugin of plugins) {
    const identity = identityOf(plugin);
    guarding.applying = { name: plugin.name, identity };
    try {
      const run = createRun(identity, parts);
      applied(plugin.apply(plugin.label === undefined ? run : labelledRun(run, plugin.label)));
    } catch (thrown) {
      throw pluginError(identity, "apply", thrown);
    } finally {
      guarding.applying = null;
    }
  }
  parts.requests.checkViews(parts.views.items, givenViews);
  const both = [...parts.teachers.items.keys()].find((name) => parts.copies.items.has(name));
  if (both !== undefined) throw new PluginError(parts.teachers.ownerOf(both)!, `registers the teacher "${both}", and ${parts.copies.ownerOf(both)} a copy of the weights of that name; choose another name`);
  parts.requests.checkWeights([...parts.copies.items.keys(), ...parts.teachers.items.keys()]);
  return assemble(plugins, parts);
}

/** What `apply` returns is nothing: taps that come after an await would come too late. */
function applied(result: unknown): void {
  if (!isThenable(result)) return;
  result.then(undefined, () => undefined);
  throw new Error("it returned a promise: apply is not async; tap and register at once, and wait inside of an asynchronous hook");
}

interface Parts {
  readonly hooks: RunHooks;
  readonly events: Events;
  readonly warnings: Warnings;
  readonly guarding: Guarding;
  readonly random: Random;
  readonly output: string | null;
  readonly views: Registry<View>;
  readonly scorers: Registry<Scorer>;
  readonly auxiliary: Registry<AuxiliaryRollout>;
  readonly copies: Registry<WeightsCopy>;
  readonly teachers: Registry<Teacher>;
  readonly requests: ScoreRequests;
  readonly coefficients: Coefficients;
  readonly states: PluginStates;
  readonly keptGroups: KeptGroups;
  readonly metrics: StepMetrics;
}

/** What one plugin is handed. A name that is not there is an error that says which is near. */
function createRun(plugin: string, parts: Parts): Run {
  const { limitSeconds, registered } = parts.guarding;
  const { events } = parts;
  const on: Events["on"] = (type: string, listener: never) => {
    checkEventName(plugin, type, eventNames);
    (events.on as (type: string, listener: never) => void)(type, listener);
  };
  return strict<Run>(
    {
      hooks: strict({ ...parts.hooks }, "hook"),
      events: strict({ on, off: events.off, emit: events.emit }, "function of events"),
      views: { register: (view) => parts.views.add(plugin, checkedView(plugin, view, limitSeconds)) },
      scores: { request: (request) => parts.requests.request(plugin, checkedRequest(plugin, request, registered, limitSeconds)) },
      rewards: { register: (scorer) => parts.scorers.add(plugin, checkedScorer(plugin, scorer, limitSeconds)) },
      auxiliary: { register: (rollout) => parts.auxiliary.add(plugin, checkedAuxiliary(plugin, rollout, limitSeconds)) },
      copies: { register: (copy) => parts.copies.add(plugin, checkedCopy(plugin, copy)) },
      teachers: { register: (teacher) => parts.teachers.add(plugin, checkedTeacher(plugin, teacher)) },
      coefficient: (name, initial) => parts.coefficients.declare(plugin, name, initial),
      state: (initial) => parts.states.declare(plugin, initial),
      keptGroups: (room) => parts.keptGroups.declare(plugin, room),
      random: parts.random.key("plugin", plugin),
      output: parts.output,
      metric: (name, value) => parts.metrics.add(plugin, name, value),
      warn: (message, about) => parts.warnings.once(plugin, message, about),
    },
    "part of a run",
  );
}

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
    copies: parts.copies.items,
    teachers: parts.teachers.items,
    scores: (stage) => parts.requests.planned(stage),
    coefficients: () => parts.coefficients.values(),
    ownerOf: (term) => guarding.terms.get(term),
    termsOf: (plugin) => [...guarding.terms].flatMap(([term, owner]) => (owner === plugin ? [term] : [])),
    beginStep: (context) => {
      parts.metrics.take();
      guarding.counting = steps.add(context.step).size <= COUNTED_STEPS;
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
    plan: () => [
      `plugins: ${plugins.map(identityOf).join(", ")}`,
      ...[...parts.views.items.keys()].map((name) => `view "${name}" by ${parts.views.ownerOf(name)}`),
      ...[...parts.scorers.items.values()].map(({ name, weight }) => `reward "${name}" × ${weight} by ${parts.scorers.ownerOf(name)}`),
      ...[...parts.copies.items.values()].map(({ name, decay, every }) => `weights "${name}" by ${parts.copies.ownerOf(name)}: decay ${decay} every ${every} steps`),
      ...[...parts.teachers.items.values()].map(({ name, folder }) => `weights "${name}" by ${parts.teachers.ownerOf(name)}: those of ${folder}, which never change`),
      ...[...parts.auxiliary.items.values()].map(({ name, trained }) => `auxiliary rollout "${name}"${trained === true ? ", which is trained on," : ""} by ${parts.auxiliary.ownerOf(name)}`),
      ...[...parts.requests.planned("rewards"), ...parts.requests.planned()].map((score) => `score: ${describeScore(score)}`),
    ],
  };
}

/** Steps in which tensors are counted before and after each asynchronous tap: a plugin that leaves some does so at once. */
const COUNTED_STEPS = 2;

/** @throws Error for what is no plugin, and for names that are not their classes' or not unique */
function checkPlugins(plugins: readonly Plugin[]): void {
  const seen = new Set<string>();
  for (const [place, plugin] of plugins.entries()) {
    if (Array.isArray(plugin)) throw new Error(`The recipe holds a list at place ${place}; spread it: [...list, plugin]`);
    if (typeof plugin === "function") throw new Error(`The recipe holds the class ${(plugin as { name: string }).name} at place ${place}; make one: new ${(plugin as { name: string }).name}()`);
    if (!isRecord(plugin) || typeof plugin.apply !== "function") {
      throw new Error(`The recipe holds ${describe(plugin)} at place ${place}, which is no plugin: it needs a name and apply(run)`);
    }
    const className = plugin.constructor.name;
    if (plugin.name !== className) throw new Error(`A plugin of class ${className} has the name "${plugin.name}"; name and class must be equal, errors go by them`);
    const identity = identityOf(plugin);
    const fault = plugin.label === undefined ? null : labelFault(plugin.label);
    if (fault !== null) throw new Error(`The recipe lists ${plugin.name} with ${fault}`);
    if (seen.has(identity)) throw new Error(`The recipe lists ${identity} twice; list it once, or give the second ${plugin.label === undefined ? "a" : "another"} label: labelled(new ${plugin.name}(…), "second")`);
    seen.add(identity);
  }
}

/** Named things of which there may be one per name. */
class Registry<T extends { readonly name: string }> {
  readonly items = new Map<string, T>();
  readonly #kind: string;
  readonly #owners = new Map<string, string>();

  constructor(kind: string) {
    this.#kind = kind;
  }

  /** Returns the item's name. */
  add(plugin: string, item: T): string {
    const owner = this.#owners.get(item.name);
    if (owner !== undefined) throw new PluginError(plugin, `registers the ${this.#kind} "${item.name}", which ${owner} has registered; choose another name`);
    this.items.set(item.name, item);
    this.#owners.set(item.name, plugin);
    return item.name;
  }

  ownerOf(name: string): string | undefined {
    return this.#owners.get(name);
  }
}

/** An emitter whose listeners cannot disturb the run: one that throws, or rejects, is reported and the others still hear. */
function safeEvents(report: (message: string, error: unknown) => void): Events {
  const emitter = mitt<RunEvents>();
  const emit = (type: keyof RunEvents, given: unknown): void => {
    const event = withoutSecretsIn(given);
    const failed = (error: unknown): void => {
      report(`A listener of "${String(type)}" failed: ${error instanceof Error ? error.message : String(error)}`, error);
    };
    const hear = (listener: () => unknown): void => {
      try {
        const result = listener();
        if (result instanceof Promise) result.catch(failed);
      } catch (error) {
        failed(error);
      }
    };
    const listeners = (key: string | symbol): ((...heard: unknown[]) => unknown)[] => [...((emitter.all.get(key) ?? []) as ((...heard: unknown[]) => unknown)[])];
    for (const listener of listeners(type as string | symbol)) hear(() => listener(event));
    for (const listener of listeners("*")) hear(() => listener(type, event));
  };
  const { on, off } = emitter as unknown as Unbound;
  return { on, off, emit: emit as Events["emit"] };
}

/** What is told to people, without secrets; other events are handed on as they are. */
function withoutSecretsIn(event: unknown): unknown {
  if (!isRecord(event)) return event;
  const texts = (["message", "reason"] as const).filter((name) => typeof event[name] === "string");
  if (texts.length === 0) return event;
  return { ...event, ...Object.fromEntries(texts.map((name) => [name, withoutSecrets(event[name] as string)])) };
}

/** mitt's functions need no `this`, its types do not say so. */
type Unbound = { readonly on: Events["on"]; readonly off: Events["off"] };

function warn(message: string): void {
  process.emitWarning(message);
}
