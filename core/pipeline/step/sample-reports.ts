/** What listeners hear of a step's responses. */
import type { Host } from "../../host/host.ts";
import type { RolloutContext } from "../../rewards/rollouts.ts";
import type { Verdict } from "../../rewards/rewards.ts";
import type { Sample } from "../../contracts/step/sample.ts";

/**
 * Says what was sampled; holds it back until the step is under way, so that whoever listens hears of one step at a
 * time.
 */
export class SampleReports {
  /** Failures of scorers so far. */
  failures = 0;
  readonly #step: number;
  readonly #events: Host["events"];
  #waiting: (() => void)[] | null = [];

  constructor(step: number, { events }: Host) {
    this.#step = step;
    this.#events = events;
  }

  readonly add: RolloutContext["onSample"] = (sample, { failures }) => {
    this.failures += Object.keys(failures).length;
    if (this.#waiting === null) this.#report(sample, failures);
    else this.#waiting.push(() => this.#report(sample, failures));
  };

  open(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = null;
    for (const report of waiting) report();
  }

  #report(sample: Sample, failures: Verdict["failures"]): void {
    for (const [scorer, reason] of Object.entries(failures)) {
      this.#events.emit("skip", {
        step: this.#step,
        what: `scorer "${scorer}" on response ${sample.response.index} to row "${sample.prompt.row.id}"`,
        reason,
      });
    }
    this.#events.emit("response", { step: this.#step, sample });
  }
}
