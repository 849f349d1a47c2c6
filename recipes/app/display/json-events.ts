/** The events of `--json`, one a line; docs/command-line.md is made from this. */
import { z } from "zod";

const run = z.string().describe("the run's name");
const step = z.int().describe("its number, from 1; 0 before the first");
/** Numbers that JSON has no word for are "NaN", "Infinity" and "-Infinity". */
const numbers = z.record(z.string(), z.union([z.number(), z.string()]));

/** By name, each with its fields besides `event` and `time`. */
export const jsonEvents = {
  plan: z
    .strictObject({ run, lines: z.array(z.string()).describe("what will be done, for people") })
    .describe("A run begins, or its check before the first step is done."),
  step: z
    .strictObject({
      run,
      step,
      steps: z.int().describe("how many there will be"),
      metrics: numbers.describe("as in metrics.jsonl"),
      seconds: numbers.describe("where its time went, by phase"),
      tokens: z.int().describe("tokens that were sampled"),
    })
    .describe("A step is done."),
  alarm: z
    .strictObject({ run, step, plugin: z.string().describe("who gives it"), message: z.string() })
    .describe("Something that a person should look at; the run goes on."),
  skip: z
    .strictObject({ run, step, what: z.string(), reason: z.string() })
    .describe("A row was left out, as the settings ask for."),
  checkpoint: z.strictObject({ run, step, folder: z.string() }).describe("A checkpoint is written."),
  end: z
    .strictObject({
      run,
      step: z.int().describe("steps done by this command"),
      seconds: z.number().describe("since its beginning"),
    })
    .describe("A run is over, for whatever reason."),
  phase: z
    .strictObject({
      text: z.string(),
      done: z.number(),
      total: z.number().nullable().describe("null where it is not known"),
      ended: z.boolean(),
    })
    .describe("Work besides training: at its begin, at each quarter and at its end."),
  line: z.strictObject({ text: z.string() }).describe("A line for people."),
  result: z
    .strictObject({
      text: z.string(),
      data: z.record(z.string(), z.unknown()).describe("the same for programs; empty where the text is all"),
    })
    .describe("What the command was run for."),
  error: z
    .strictObject({ command: z.string(), message: z.string() })
    .describe("The command ends without its result; the message stands on standard error too."),
} as const;

export type JsonEventName = keyof typeof jsonEvents;

export type JsonEvent = {
  [N in JsonEventName]: { readonly event: N; readonly time: string } & z.output<(typeof jsonEvents)[N]>;
}[JsonEventName];
