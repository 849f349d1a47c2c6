import { parseOptions, policyTokens } from "@papo/core";
import type { Decision, Plugin, Run } from "@papo/core";
import { z } from "zod";
import { isGibberish, moved, type Course } from "./collapse-signs.ts";

const schema = z.strictObject({
  /**
   * Steps that a baseline is the mean of: the best mean of a sign that the run has shown is what it is compared with.
   */
  baseline: z.int().positive().meta({ unit: "steps" }).default(8),
  /** The mean of this many last steps is compared. */
  window: z.int().positive().meta({ unit: "steps" }).default(3),
  /** A sign has moved when it is this many times its baseline, or this many times less. */
  factor: z.number().gt(1).default(2),
  /** Signs that must have moved for an alarm. */
  evidence: z.int().positive().meta({ unit: "signs" }).default(2),
  /**
   * What to do then besides the alarm: nothing; "cut" γ; "roll_back" to a checkpoint from before the signs and cut γ;
   * "stop" the run.
   */
  action: z.enum(["alarm", "cut", "roll_back", "stop"]).default("alarm"),
  /** What γ is multiplied with at each cut; 0 turns the term off. */
  cut: z.number().min(0).lt(1).default(0.1),
  /** The coefficient that is cut. */
  coefficient: z.string().default("papo/gamma"),
});

interface Watched {
  course: Course;
  /** Step at which the signs of now began to show; null while there is none. */
  since: number | null;
  alarmed: boolean;
  cuts: number;
}

/**
 * Watches for the collapse that PAPO describes (arXiv:2507.06448, section on KL_prcp hacking): the perception KL, its
 * variance and its share at the cap, clip-high, both entropies, gibberish, length and reward, each against the best
 * that this run has shown. An `alarm` with the evidence when several have moved at once, again only after they have
 * calmed down; then it acts as chosen. To roll back, the run must keep checkpoints from before the signs:
 * checkpointEvery and keepCheckpoints.
 *
 * Metric: papo/gibberish, the share of responses that were cut at the limit or repeat themselves.
 */
export class CollapseDetectorPlugin implements Plugin {
  readonly name = "CollapseDetectorPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, events, state, metric }: Run): void {
    const watched = state<Watched>({ course: { recent: {}, best: {} }, since: null, alarmed: false, cuts: 0 });
    hooks.coefficient.tap(this.name, (value, { name }) =>
      name === this.options.coefficient ? value * this.options.cut ** watched.value.cuts : value,
    );
    hooks.advantages.tap(this.name, (advantages, { samples }) => {
      for (const { response } of samples)
        metric("papo/gibberish", Number(isGibberish({ tokens: policyTokens(response), finish: response.finish })));
      return advantages;
    });
    hooks.stepped.tapPromise(this.name, ({ step, metrics }) => {
      const found = moved(watched.value.course, metrics, this.options);
      watched.value.since = found.length === 0 ? null : (watched.value.since ?? step);
      const alarm = found.length >= this.options.evidence;
      const fresh = alarm && !watched.value.alarmed;
      watched.value.alarmed = alarm;
      if (!fresh) return Promise.resolve(undefined);
      events.emit("alarm", {
        step,
        plugin: this.name,
        message: `perception may be collapsing: ${found.join("; ")}. ${ADVICE[this.options.action]}`,
      });
      return Promise.resolve(this.#act(watched.value, found));
    });
  }

  #act(watched: Watched, found: readonly string[]): Decision | undefined {
    const { action, window } = this.options;
    const reason = `perception is collapsing: ${found.join("; ")}`;
    if (action === "alarm") return undefined;
    if (action === "stop") return { stop: reason };
    watched.cuts++;
    if (action === "cut") return undefined;
    // The window that first showed a sign reaches back so far.
    const before = (watched.since ?? 0) - window;
    watched.course.recent = {};
    watched.since = null;
    watched.alarmed = false;
    return { rollBack: reason, before };
  }
}

const ADVICE = {
  alarm: "Lower γ or penalise entropy",
  cut: "γ is cut",
  roll_back: "The weights are rolled back and γ is cut",
  stop: "The run stops",
} as const;
