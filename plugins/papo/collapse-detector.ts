import { parseOptions } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /** The mean of the first steps is what the run is compared with. */
  baselineSteps: z.int().positive().default(10),
  /** The mean of this many last steps is compared. */
  window: z.int().positive().default(5),
  /** A number has moved when it is this many times its baseline, or this many times less. */
  factor: z.number().gt(1).default(3),
  /** Numbers that must have moved for an alarm. */
  evidence: z.int().positive().default(2),
});

/** What collapse shows in: metric, the way it goes then, and a size below which it means nothing. */
const SIGNS: readonly { readonly metric: string; readonly way: "up" | "both"; readonly floor: number }[] = [
  { metric: "papo/perception_kl", way: "up", floor: 0.1 },
  { metric: "papo/kl_variance", way: "up", floor: 0.1 },
  { metric: "papo/kl_saturated", way: "up", floor: 0.05 },
  { metric: "policy/clip_high", way: "up", floor: 0.02 },
  { metric: "papo/entropy", way: "both", floor: 0.01 },
  { metric: "papo/entropy_masked", way: "both", floor: 0.01 },
  { metric: "papo/length", way: "both", floor: 1 },
];

/** Sums over the baseline steps and the values of the last steps, by metric. */
interface Watched {
  steps: number;
  baseline: Record<string, { sum: number; count: number }>;
  recent: Record<string, number[]>;
  alarmed: boolean;
}

/**
 * Watches for the collapse that PAPO describes (arXiv:2507.06448, section on KL_prcp hacking): perception KL, its variance and its
 * share at the cap, clip-high share, both entropies and length, each against the run's own first steps. It reports and changes
 * nothing: an `alarm` when several have moved at once, again only after they have calmed down.
 *
 * Metric: papo/length, mean tokens of the responses trained on.
 */
export class CollapseDetectorPlugin implements Plugin {
  readonly name = "CollapseDetectorPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, events, state, metric }: Run): void {
    const watched = state<Watched>({ steps: 0, baseline: {}, recent: {}, alarmed: false });
    hooks.advantages.tap(this.name, (advantages, { samples }) => {
      for (const { response } of samples) metric("papo/length", response.tokens.length);
      return advantages;
    });
    hooks.stepped.tapPromise(this.name, ({ step, metrics }) => {
      this.#note(watched.value, metrics);
      const found = watched.value.steps > this.options.baselineSteps ? this.#evidence(watched.value) : [];
      const alarm = found.length >= this.options.evidence;
      if (alarm && !watched.value.alarmed) {
        const message = `perception may be collapsing: ${found.join("; ")}. Lower γ or penalise entropy`;
        events.emit("alarm", { step, plugin: this.name, message });
      }
      watched.value.alarmed = alarm;
      return Promise.resolve(undefined);
    });
  }

  #note(watched: Watched, metrics: Readonly<Record<string, number>>): void {
    const { baselineSteps, window } = this.options;
    watched.steps++;
    for (const { metric } of SIGNS) {
      const value = metrics[metric];
      if (value === undefined || !Number.isFinite(value)) continue;
      watched.recent[metric] = [...(watched.recent[metric] ?? []), value].slice(-window);
      if (watched.steps > baselineSteps) continue;
      const { sum, count } = watched.baseline[metric] ?? { sum: 0, count: 0 };
      watched.baseline[metric] = { sum: sum + value, count: count + 1 };
    }
  }

  /** One phrase per number that has moved. */
  #evidence({ baseline, recent }: Watched): string[] {
    const { factor } = this.options;
    return SIGNS.flatMap(({ metric, way, floor }) => {
      const before = baseline[metric];
      const last = recent[metric];
      if (before === undefined || last === undefined) return [];
      const start = before.sum / before.count;
      const now = last.reduce((sum, value) => sum + value, 0) / last.length;
      const up = now > Math.max(start, floor) * factor;
      const down = way === "both" && start > floor && now < start / factor;
      return up || down ? [`${metric} ${start.toPrecision(3)} → ${now.toPrecision(3)}`] : [];
    });
  }
}
