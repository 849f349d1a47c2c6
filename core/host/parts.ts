/** What the plugins of a recipe register in, and what guards them: shared by all of them. */
import type { AuxiliaryRollout } from "../contracts/registered/auxiliary.ts";
import type { WeightsCopy } from "../contracts/registered/copies.ts";
import type { Events } from "../contracts/events.ts";
import { createHooks, type RunHooks } from "../contracts/hooks.ts";
import type { Registered } from "../contracts/results/returning.ts";
import type { Scorer } from "../contracts/registered/scorer.ts";
import type { Environment } from "../contracts/registered/environment.ts";
import type { Teacher } from "../contracts/registered/teachers.ts";
import type { View } from "../contracts/registered/views.ts";
import { createRandom, type Random } from "../math/random.ts";
import { Coefficients } from "./coefficients.ts";
import { safeEvents } from "./events.ts";
import { KeptGroups } from "./kept-groups.ts";
import { StepMetrics } from "./metrics.ts";
import { PluginStates } from "./plugin-state.ts";
import { Registry } from "./registry.ts";
import { ScoreRequests } from "./score-requests.ts";
import { guardTaps, type Guarding } from "./taps.ts";
import { Warnings } from "./warnings.ts";

export interface HostOptions {
  /** All randomness of the run comes from it. */
  readonly seed: number;
  /** The run's folder; null, the default, where it has none. */
  readonly output?: string | null;
  /**
   * Views whose scores somebody gives directly, so that no plugin need register them: for tests of a loss. Default
   * none.
   */
  readonly givenViews?: readonly string[];
  /** Seconds that an asynchronous hook, or a function that a plugin registered, may take. Default 1800. */
  readonly hookSeconds?: number;
  /** Told when an event listener throws; the run goes on. Default: a process warning. */
  readonly onListenerError?: (message: string, error: unknown) => void;
}

export interface Parts {
  readonly hooks: RunHooks;
  readonly events: Events;
  readonly warnings: Warnings;
  readonly guarding: Guarding;
  readonly random: Random;
  readonly output: string | null;
  readonly views: Registry<View>;
  readonly scorers: Registry<Scorer>;
  readonly auxiliary: Registry<AuxiliaryRollout>;
  readonly environments: Registry<Environment>;
  readonly copies: Registry<WeightsCopy>;
  readonly teachers: Registry<Teacher>;
  readonly requests: ScoreRequests;
  readonly coefficients: Coefficients;
  readonly states: PluginStates;
  readonly keptGroups: KeptGroups;
  readonly metrics: StepMetrics;
}

/** Nothing is registered yet; every tap will be guarded. */
export function createParts(options: HostOptions): Parts {
  const { seed, output = null, givenViews = [], hookSeconds = 1800, onListenerError = warn } = options;
  const hooks = createHooks();
  const events = safeEvents(onListenerError);
  const warnings = new Warnings(events);
  const views = new Registry<View>("view");
  const coefficients = new Coefficients();
  const keptGroups = new KeptGroups();
  const registered: Registered = {
    sampledViews: () => {
      const all = [...views.items.values()];
      const early = all.filter(({ scope, values }) => scope !== "response" && values === undefined);
      return ["original", ...early.map(({ name }) => name), ...givenViews];
    },
    besideRoom: () => keptGroups.room().beside,
    isCoefficient: (value) => coefficients.has(value),
  };
  const guarding: Guarding = {
    applying: null,
    terms: new Map(),
    counting: true,
    limitSeconds: hookSeconds,
    registered,
    kept: [],
    tell: ({ plugin, what }) => warnings.once(plugin, what),
  };
  guardTaps(hooks, guarding);
  return {
    hooks,
    events,
    warnings,
    guarding,
    random: createRandom(seed),
    output,
    views,
    scorers: new Registry<Scorer>("scorer"),
    auxiliary: new Registry<AuxiliaryRollout>("auxiliary rollout"),
    environments: new Registry<Environment>("environment"),
    copies: new Registry<WeightsCopy>("copy"),
    teachers: new Registry<Teacher>("teacher"),
    requests: new ScoreRequests(),
    coefficients,
    states: new PluginStates(),
    keptGroups,
    metrics: new StepMetrics((plugin, message, about) => warnings.once(plugin, message, about)),
  };
}

function warn(message: string): void {
  process.emitWarning(message);
}
