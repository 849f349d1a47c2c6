/** Writes what a report needs into the run's folder; changes nothing about the run. */
import { join } from "node:path";
import { z } from "zod";
import { parseOptions } from "@papo/core";
import type { EncodedPicture, Experience, Plugin, Run, Sample } from "@papo/core";
import { appendLine, cutFromStep } from "./line-file.ts";
import { pictureFile, writePicture } from "./picture-file.ts";
import { piecesOf } from "./pieces.ts";
import { chooseSamples, recordOf } from "./sample-record.ts";
import type { PictureRecord } from "./sample-record.ts";

const triple = z.tuple([z.number(), z.number(), z.number()]);

const schema = z.strictObject({
  /** The run's folder; made if missing. */
  folder: z.string().min(1),
  /** Samples are written at step 1 and at every step divisible by this. */
  every: z.number().int().positive().meta({ unit: "steps" }).default(10),
  /** Samples per written step, one per prompt. */
  samples: z.number().int().nonnegative().meta({ unit: "responses" }).default(4),
  /**
   * Text of tokens, as the policy's processor decodes them, or the text of each token as a list. Without it the report
   * shows whole texts, not coloured tokens.
   */
  decode: z
    .custom<(tokens: Int32Array) => string | readonly string[]>((value) => typeof value === "function", "a function")
    .optional(),
  /** The longest side of a written picture, pixels; larger ones are scaled down. */
  largestSide: z.number().int().positive().meta({ unit: "pixels" }).default(448),
  /** How the model's processor makes patches, where the pictures do not say it themselves; null leaves it to them. */
  layout: z
    .strictObject({
      patch: z.number().int().positive(),
      temporal: z.number().int().positive(),
      merge: z.number().int().positive(),
      order: z.enum(["tokens", "rows"]).default("tokens"),
      mean: triple,
      std: triple,
    })
    .nullable()
    .default(null),
});

/**
 * Writes into `folder`: samples.jsonl (SampleRecord), pictures/<hash>.png (the picture of each view as the model saw
 * it), alarms.jsonl (`{kind: "alarm" | "skip" | "checkpoint" | "end", step, …}`). Metrics and timings are written by
 * the run itself. A resumed run appends: samples of steps that it does again are cut first, alarms stay. Of two lines
 * about the same sample the later one counts. When writing fails, one alarm is raised and the log stops: a full disk
 * costs the report, not the training.
 */
export class RunLogPlugin implements Plugin {
  readonly name = "RunLogPlugin";
  // Private: what a log writes, and where, is no part of what a run is, so a resumed run may differ in it.
  readonly #options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema>) {
    this.#options = parseOptions(this.name, schema, options);
  }

  apply({ hooks, events }: Run): void {
    const { folder, every, samples } = this.#options;
    let broken = false;
    let begun = false;
    let pictures: Promise<void> = Promise.resolve();
    const fail = (step: number, cause: unknown): void => {
      if (broken) return;
      broken = true;
      const message = `cannot write to ${folder}, no more samples and alarms are logged: ${cause instanceof Error ? cause.message : String(cause)}`;
      events.emit("alarm", { step, plugin: this.name, message });
    };
    const write = (step: number, work: () => void): void => {
      if (broken) return;
      try {
        work();
      } catch (cause) {
        fail(step, cause);
      }
    };
    const append = (file: string, step: number, line: unknown): void =>
      write(step, () => appendLine(join(folder, file), line));

    events.on("experience", (experience) => {
      const { step } = experience;
      if (!begun) write(step, () => cutFromStep(join(folder, "samples.jsonl"), step));
      begun = true;
      if (broken || (step !== 1 && step % every !== 0)) return;
      const { lines, pictures: wanted } = this.#recordsOf(experience, samples);
      for (const line of lines) append("samples.jsonl", step, line);
      const { largestSide, layout } = this.#options;
      const writeAll = async (): Promise<void> => {
        for (const encoded of wanted) await writePicture(folder, encoded, { largestSide, layout });
      };
      pictures = pictures.then(writeAll).catch((cause: unknown) => {
        fail(step, cause);
      });
    });
    events.on("alarm", (alarm) => {
      append("alarms.jsonl", alarm.step, { kind: "alarm", ...alarm });
    });
    events.on("skip", (skip) => {
      append("alarms.jsonl", skip.step, { kind: "skip", ...skip });
    });
    events.on("checkpoint", (checkpoint) => {
      append("alarms.jsonl", checkpoint.step, { kind: "checkpoint", ...checkpoint });
    });
    // Pictures are compressed beside the training step and must be on disk before a checkpoint, and before the run
    // ends, in a step that failed too.
    hooks.stepped.tapPromise(this.name, async () => {
      await pictures;
      return undefined;
    });
    hooks.ended.tapPromise(this.name, async (ending) => {
      await pictures;
      append("alarms.jsonl", ending.step, {
        kind: "end",
        step: ending.step,
        ended: ending.ended,
        ...(ending.reason === null ? {} : { reason: ending.reason }),
      });
    });
  }

  /** The step's lines and the pictures they name. */
  #recordsOf(experience: Experience, count: number): { lines: unknown[]; pictures: EncodedPicture[] } {
    const pictures: EncodedPicture[] = [];
    const lines = chooseSamples(experience.samples, count).map((chosen) => {
      const { response } = chosen.sample;
      const { decode } = this.#options;
      const pieces = decode === undefined ? [] : piecesOf(response.tokens, decode);
      return recordOf(chosen, experience, pieces, picturesOf(chosen.sample, pictures));
    });
    return { lines, pictures };
  }
}

/** A sample's pictures under all its views, as file names; what to write is added to `into`. */
const picturesOf = ({ prompt, views }: Sample, into: EncodedPicture[]): PictureRecord[] => {
  const records: Record<string, string>[] = prompt.pictures.map(() => ({}));
  for (const [view, encoded] of views) {
    encoded.pictures.forEach((picture, index) => {
      into.push(picture);
      const record = records[index];
      if (record !== undefined) record[view] = pictureFile(picture);
    });
  }
  return records.map((views) => ({ views }));
};
