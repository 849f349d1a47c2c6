/** What a command shows while it works. */
import type { Events } from "@papo/core";
import { createJsonDisplay } from "./json-lines.ts";
import { createDisplay } from "./live.ts";
import { createQuietDisplay } from "./quiet.ts";

export interface Phase {
  /** So much of the total is done. */
  readonly advance: (done: number) => void;
  /** The phase is over; it leaves one line. */
  readonly end: () => void;
}

/** What people are shown of a run besides its steps. */
export interface RunShown {
  /** What will be done, in lines. Default true. */
  readonly plan?: boolean;
  /** A question and its answer: the newest one where the screen is redrawn, one every so many steps elsewhere. */
  readonly answerEvery?: number;
}

export interface Display {
  /**
   * Follow a run's events until `end` is called; its last state stays on the screen. Time in which it is paused counts
   * for no step, where time is shown.
   */
  run(name: string, events: Pick<Events, "on" | "off">, shown?: RunShown): { end(): void; paused?(on: boolean): void };
  /**
   * Show work other than training: `phase("evaluating 1,000 scenes", 1000)`. Without a total, counts.
   * @param passing it is seen while it lasts, where the screen is redrawn, and leaves no line
   */
  phase(text: string, total?: number, passing?: boolean): Phase;
  /** A line that stays. */
  line(text: string): void;
  /** What the command was run for, which is shown in any case. @param data the same for programs */
  result(text: string, data?: Readonly<Record<string, unknown>>): void;
  /** The command ends with an error, which is printed besides. */
  failed(command: string, message: string): void;
  /** Ends what is still shown and gives the terminal back. */
  close(): void;
}

export type DisplayMode = "live" | "quiet" | "json";

export function openDisplay(mode: DisplayMode): Display {
  if (mode === "json") return createJsonDisplay();
  return mode === "quiet" ? createQuietDisplay() : createDisplay();
}
