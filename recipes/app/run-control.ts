/** Pause, resume and stop of a run under way: asked for at any time, heeded between its steps. */

import { StoppedError } from "./stopping.ts";

/** "pausing", "stopping": asked to, and doing its step to the end. */
export const trainingStates = ["running", "pausing", "paused", "stopping"] as const;
export type TrainingState = (typeof trainingStates)[number];

export const actions = ["pause", "resume", "stop"] as const;
export type Action = (typeof actions)[number];

export class RunControl {
  readonly #controller = new AbortController();
  readonly #followers = new Set<(state: TrainingState) => void>();
  #state: TrainingState = "running";
  #resume: () => void = () => undefined;

  /** Fires when the run is to end after its current step, with a checkpoint. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  get state(): TrainingState {
    return this.#state;
  }

  /** Stopping cannot be taken back; what changes nothing is no mistake. */
  ask(action: Action): void {
    if (this.#state === "stopping") return;
    if (action === "stop") {
      this.#become("stopping");
      this.#controller.abort(new StoppedError());
    } else if (action === "pause" && this.#state === "running") {
      this.#become("pausing");
    } else if (action === "resume") {
      this.#become("running");
    }
    if (action !== "pause") this.#resume();
  }

  /** What the run waits for between two steps: nothing, or the end of a pause. */
  async between(): Promise<void> {
    if (this.#state !== "pausing") return;
    await new Promise<void>((resolve) => {
      this.#resume = resolve;
      this.#become("paused");
    });
  }

  /** Calls `follower` at every change. @returns what ends that */
  follow(follower: (state: TrainingState) => void): () => void {
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  #become(state: TrainingState): void {
    if (state === this.#state) return;
    this.#state = state;
    for (const follower of this.#followers) follower(state);
  }
}
