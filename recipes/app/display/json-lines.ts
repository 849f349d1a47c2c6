/** The display under `--json`: one event a line on standard output, for programs. */
import type { RunEvents } from "@papo/core";
import type { z } from "zod";
import type { Display, Phase } from "./display.ts";
import type { jsonEvents, JsonEventName } from "./json-events.ts";

export interface JsonDisplayOptions {
  readonly stream?: NodeJS.WritableStream;
  /** Given by tests. */
  readonly now?: () => Date;
}

type Write = <N extends JsonEventName>(event: N, fields: z.input<(typeof jsonEvents)[N]>) => void;

export function createJsonDisplay({
  stream = process.stdout,
  now = () => new Date(),
}: JsonDisplayOptions = {}): Display {
  const write: Write = (event, fields) =>
    void stream.write(`${JSON.stringify({ event, time: now().toISOString(), ...fields }, finiteOrWord)}\n`);
  return {
    run: (name, events) => followRun(name, events, write, now),
    phase: (text, total) => followPhase(text, total ?? null, write),
    line: (text) => write("line", { text }),
    result: (text, data = {}) => write("result", { text, data }),
    failed: (command, message) => write("error", { command, message }),
    close: () => undefined,
  };
}

const finiteOrWord = (_name: string, value: unknown): unknown =>
  typeof value === "number" && !Number.isFinite(value) ? String(value) : value;

function followRun(run: string, events: Parameters<Display["run"]>[1], write: Write, now: () => Date): { end(): void } {
  const start = now().getTime();
  let timing: RunEvents["timing"] | null = null;
  let steps = 0;
  const listeners = {
    plan: ({ lines }) => write("plan", { run, lines: [...lines] }),
    timing: (ofStep) => void (timing = ofStep),
    step: (summary) => {
      steps++;
      const own = timing?.step === summary.step ? timing : null;
      write("step", {
        run,
        step: summary.step,
        steps: summary.steps,
        metrics: summary.metrics,
        seconds: own?.seconds ?? {},
        tokens: own?.tokens ?? 0,
      });
    },
    alarm: ({ step, plugin, message }) => write("alarm", { run, step, plugin, message }),
    skip: ({ step, what, reason }) => write("skip", { run, step, what, reason }),
    checkpoint: ({ step, folder }) => write("checkpoint", { run, step, folder }),
  } satisfies { [N in "plan" | "timing" | "step" | "alarm" | "skip" | "checkpoint"]: (event: RunEvents[N]) => void };
  const names = Object.keys(listeners) as (keyof typeof listeners)[];
  for (const name of names) events.on(name, listeners[name] as (event: unknown) => void);
  return {
    end: () => {
      for (const name of names) events.off(name, listeners[name] as (event: unknown) => void);
      write("end", { run, step: steps, seconds: (now().getTime() - start) / 1000 });
    },
  };
}

function followPhase(text: string, total: number | null, write: Write): Phase {
  let [done, quarters] = [0, 0];
  write("phase", { text, done, total, ended: false });
  return {
    advance: (amount) => {
      done = amount;
      const reached = total === null ? 0 : Math.floor((4 * done) / Math.max(1, total));
      if (reached > quarters && reached < 4) write("phase", { text, done, total, ended: false });
      quarters = Math.max(quarters, reached);
    },
    end: () => write("phase", { text, done, total, ended: true }),
  };
}
