import { carriedGroup, parseOptions, rewardPart } from "@papo/core";
import type { Group, GroupSelection, Plugin, Run } from "@papo/core";
import { z } from "zod";

const schema = z.strictObject({
  /**
   * What a group is judged by: "reward", before any plugin shaped it, or the name of one of its parts (accuracy, …).
   */
  metric: z.string().default("reward"),
  /**
   * "varied" keeps a group whose responses differ in the metric (DAPO); "between" one whose mean lies strictly between
   * low and high (PAPO release).
   */
  keep: z.enum(["varied", "between"]).default("varied"),
  /** Lower bound of "between", excluded. */
  low: z.number().default(0.01),
  /** Upper bound of "between", excluded. */
  high: z.number().default(0.99),
  /** Rounds of sampling in a step at most, the first included. The run's own maxRounds holds too. */
  rounds: z.int().positive().meta({ unit: "rounds" }).default(10),
  /**
   * The rounds are used up and the step is not full: "train" on what there is; "carry" it over to the next step without
   * an update, so that it is still on-policy there; or "stop" the run.
   */
  whenSpent: z.enum(["train", "carry", "stop"]).default("train"),
  /** No group of a round survives: "keep" them all, as the PAPO release does, or "drop" them. */
  whenNoneSurvives: z.enum(["keep", "drop"]).default("drop"),
});

/**
 * Train only on groups that can teach: those whose responses do not all get the same; sample further rounds until the
 * step is full (DAPO, arXiv:2503.14476, dynamic sampling). Which groups are kept follows the order of the prompts,
 * never that of finishing.
 *
 * Metrics: dapo/rounds, those of the step; dapo/dropped, groups sampled and not trained on; dapo/dropped_share, the
 * part of sampling that was wasted; dapo/carried, groups from earlier steps that are trained on.
 */
export class DynamicSamplingPlugin implements Plugin {
  readonly name = "DynamicSamplingPlugin";
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
    const { low, high } = this.options;
    if (low >= high)
      throw new Error(`${this.name}: the option "low" is ${low} and "high" is ${high}; low must be below high`);
  }

  apply({ hooks, metric, keptGroups }: Run): void {
    const { rounds, whenSpent } = this.options;
    let sampled = 0;
    let lastRound = 0;
    const carried = keptGroups();
    hooks.groups.tapPromise(this.name, (asked, { step }) => {
      const selection =
        asked.round === 0 && carried.value.length > 0
          ? { ...asked, groups: [...carried.value, ...asked.groups] }
          : asked;
      carried.value = [];
      const fresh = selection.groups.filter((group) => group.round === selection.round && group.carried !== true);
      sampled = (selection.round === 0 ? 0 : sampled) + fresh.length;
      lastRound = selection.round;
      const groups = this.#choose(selection, fresh);
      const missing = groups.length < selection.wanted;
      const spent = selection.lastRound || selection.round + 1 >= rounds;
      if (missing && spent && whenSpent === "stop") {
        throw new Error(
          `step ${step} has ${groups.length} of ${selection.wanted} groups that teach something after ${selection.round + 1} rounds (${sampled} groups sampled); ` +
            'the task is too easy or too hard for the model: change it, raise "rounds" (and maxRounds of the run), or set whenSpent: "train"',
        );
      }
      if (missing && spent && whenSpent === "carry") {
        carried.value = groups.map((group) => carriedGroup(group, step));
        return Promise.resolve({ ...selection, groups: [], sampleMore: selection.sampleMore });
      }
      // Carried groups come first, this round's fill up what is left.
      const full = groups.some((group) => group.carried === true) ? groups.slice(0, selection.wanted) : groups;
      return Promise.resolve({ ...selection, groups: full, sampleMore: selection.sampleMore || (missing && !spent) });
    });
    // The batch is made once per step, after the last round: the place to report what the rounds came to.
    hooks.advantages.tap(this.name, (advantages, batch) => {
      const groups = batch.groups.filter(({ role }) => role === undefined);
      const own = groups.filter((group) => group.carried !== true).length;
      metric("dapo/rounds", lastRound + 1);
      metric("dapo/dropped", sampled - own);
      metric("dapo/dropped_share", sampled === 0 ? 0 : (sampled - own) / sampled);
      metric("dapo/carried", groups.length - own);
      return advantages;
    });
  }

  /** What earlier rounds kept stays; this round's groups are judged. */
  #choose(selection: GroupSelection, fresh: readonly Group[]): readonly Group[] {
    const surviving = new Set(fresh.filter((group) => this.#teaches(group)));
    if (surviving.size === 0 && this.options.whenNoneSurvives === "keep") return selection.groups;
    return selection.groups.filter(
      (group) => group.carried === true || group.round !== selection.round || surviving.has(group),
    );
  }

  #teaches({ samples }: Group): boolean {
    const { metric, keep, low, high } = this.options;
    const values = samples.map((sample) => (metric === "reward" ? sample.scored : rewardPart(sample, metric)));
    if (keep === "varied") return values.some((value) => value !== values[0]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    return low < mean && mean < high;
  }
}
