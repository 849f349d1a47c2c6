import { carriedGroup, parseOptions } from "@papo/core";
import type { Group, Plugin, Run } from "@papo/core";
import { mul, tensor2d } from "@tensorflow/tfjs-core";
import type { Tensor2D } from "@tensorflow/tfjs-core";
import { z } from "zod";
import { advantageBases, correctionOf, drawnBy, priorityOf, rewardBases } from "./priorities.ts";

const share = z.number().min(0).max(1);

const schema = z.strictObject({
  /** Groups of earlier steps that a step trains on beside its own; none before so many are kept. */
  replayed: z.int().positive().meta({ unit: "groups" }).default(4),
  /** Groups kept at most, the oldest go first. Their pictures stay in memory. */
  capacity: z.int().positive().meta({ unit: "groups" }).default(128),
  /**
   * p_base of a group: "reward", the mean |r| of its responses, which the paper has for methods without a critic; or
   * "advantage", the mean |A| of their tokens when it was sampled, so that a group whose responses agree is hardly
   * replayed.
   */
  priority: z.enum(["reward", "advantage"]).default("reward"),
  /** τ: after so many steps a priority is 1/e of what it was; null: it stays (plain PER). */
  ageDecay: z.number().positive().meta({ unit: "steps" }).nullable().default(500),
  /** α: how much priorities count; 0 draws all kept groups alike. */
  exponent: z.number().nonnegative().default(0.6),
  /** β at the first step: how much of the bias of drawing by priority is corrected. */
  correction: share.default(0.4),
  /** β at the last step, linear in between. The release's code keeps it at 0.4. */
  finalCorrection: share.default(1),
  /** The term that the correction weights. */
  term: z.string().default("policy"),
});

/**
 * Each step trains on kept groups of earlier ones too, drawn by p_i^α / Σ p^α with p_i = p_base·exp(−age_i / τ), age in
 * steps, and weighted with w_i = (N·P(i))^(−β) / max w; their ratio is against the log-probs that they were sampled
 * with (Freshness-Aware PER, arXiv:2604.16918; formulas from its release dbb91df, README and trajectory_buffer.py; the
 * paper's text was not read). Ours: the unit is a group, where the release has trajectories, so that its baseline stays
 * whole; no group is drawn twice in a step; kept and fresh groups share the step's updates, where the release takes
 * steps of their own on what is replayed; first in, first out, as its default. List it after the plugin of the
 * advantages.
 *
 * Metrics: freshper/kept, groups kept; freshper/age, the mean age in steps of those replayed; freshper/weight, their
 * mean w.
 */
export class PrioritizedReplayPlugin implements Plugin {
  readonly name = "PrioritizedReplayPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
    const { replayed, capacity } = this.options;
    if (replayed > capacity)
      throw new Error(
        `${this.name}: the option "replayed" is ${replayed} and "capacity" is ${capacity}; keep at least what is replayed`,
      );
  }

  apply({ hooks, keptGroups, state, random, metric }: Run): void {
    const { replayed, capacity, priority, correction, finalCorrection, term } = this.options;
    const kept = keptGroups({ atMost: capacity, beside: replayed });
    const bases = state<Readonly<Record<string, number>>>({});
    let weightOf = new Map<string, number>();
    hooks.groups.tapPromise(this.name, (selection, { step, steps }) => {
      if (selection.round > 0) return Promise.resolve(selection);
      const ready = kept.value.length >= replayed ? kept.value : [];
      const priorities = ready.map((group) =>
        priorityOf(bases.value[group.key] ?? 0, step - stepOf(group), this.options),
      );
      const drawn = drawnBy(priorities, ready.length === 0 ? 0 : replayed, random.key("draw", step));
      const progress = Math.min(1, (step - 1) / Math.max(1, steps - 1));
      const weights = correctionOf(priorities, correction + (finalCorrection - correction) * progress);
      weightOf = new Map(drawn.map((index) => [ready[index]!.key, weights[index]!]));
      metric("freshper/kept", kept.value.length);
      for (const index of drawn) {
        metric("freshper/age", step - stepOf(ready[index]!));
        metric("freshper/weight", weights[index]!);
      }
      return Promise.resolve({
        ...selection,
        beside: [...(selection.beside ?? []), ...drawn.map((index) => ready[index]!)],
      });
    });
    hooks.weights.tap(this.name, (weights, { term: name, slot, batch: { groups, groupOf, B } }) => {
      if (name !== term || slot !== "after_clip" || weightOf.size === 0) return weights;
      const rows = Array.from({ length: B }, (_, row) => weightOf.get(groups[groupOf[row]!]!.key) ?? 1);
      return mul<Tensor2D>(weights, tensor2d(rows, [B, 1]));
    });
    hooks.advantages.tap(this.name, (advantages, batch) => {
      const found = priority === "reward" ? rewardBases(batch) : advantageBases(batch, advantages);
      const fresh = batch.groups.flatMap((group, index) =>
        group.carried === true
          ? []
          : [[carriedGroup(group, batch.step, { oldLogProbs: "sampled" }), found[index]!] as const],
      );
      kept.value = [...kept.value, ...fresh.map(([group]) => group)].slice(-capacity);
      const known = { ...bases.value, ...Object.fromEntries(fresh.map(([{ key }, base]) => [key, base])) };
      bases.value = Object.fromEntries(kept.value.map(({ key }) => [key, known[key] ?? 0]));
      return advantages;
    });
  }
}

/** The step that a group was sampled in. */
const stepOf = ({ prompt: { origin } }: Group): number => origin?.step ?? 0;
