import { appendFileSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseOptions, writeFileAtomic } from "@papo/core";
import type { Plugin, Run } from "@papo/core";
import { z } from "zod";
import { event, framed, imageValue, readRecords, scalarValue, textValue } from "./event-file.ts";
import { follow, loggerOptions, rolloutCells, rolloutColumns, type LoggedRollout, type LogSink } from "./log-sink.ts";

const schema = z.strictObject({ ...loggerOptions });

/**
 * Writes tensorboard/events.out.tfevents.papo, which `tensorboard --logdir <run>` reads: every metric as a scalar
 * (float32, as TensorBoard keeps them), rollouts as a table in Markdown, and their pictures under each view. A resumed
 * run goes on in the same file.
 */
export class TensorBoardPlugin implements Plugin {
  readonly name = "TensorBoardPlugin";
  readonly observes = true;
  readonly options: z.output<typeof schema>;

  constructor(options: z.input<typeof schema> = {}) {
    this.options = parseOptions(this.name, schema, options);
  }

  apply(run: Run): void {
    follow(run, {
      name: this.name,
      options: this.options,
      home: "tensorboard",
      open: (folder) => tensorBoardSink(folder),
    });
  }
}

/** @param now milliseconds since 1970 */
export function tensorBoardSink(folder: string, now: () => number = Date.now): LogSink {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, "events.out.tfevents.papo");
  const time = (): number => now() / 1000;
  if (!existsSync(file)) writeFileAtomic(file, framed(event({ time: time(), version: "brain.Event:2" })));
  return {
    // The first record has no step and says which format it is.
    cut: (step) =>
      writeFileAtomic(
        file,
        Buffer.concat(
          readRecords(readFileSync(file))
            .filter((record) => record.step < step)
            .map(({ bytes }) => Buffer.from(bytes)),
        ),
      ),
    metrics: ({ step, metrics }) =>
      appendFileSync(
        file,
        framed(
          event({
            time: time(),
            step,
            values: Object.entries(metrics).map(([name, value]) => scalarValue(name, value)),
          }),
        ),
      ),
    rollouts(step, rollouts) {
      const pictures = rollouts.flatMap(({ pictures: views }, index) =>
        views.map((picture) => imageValue(`rollouts/${index + 1}/${picture.view}`, picture)),
      );
      appendFileSync(
        file,
        framed(event({ time: time(), step, values: [textValue("rollouts", markdown(rollouts)), ...pictures] })),
      );
    },
  };
}

function markdown(rollouts: readonly LoggedRollout[]): string {
  const cell = (text: string): string => text.replaceAll("|", "\\|").replaceAll(/\r?\n/g, "<br>");
  const line = (cells: readonly string[]): string => `| ${cells.join(" | ")} |`;
  const rows = rollouts.map((rollout) => line(rolloutCells(rollout).map((value) => cell(String(value)))));
  return [line(rolloutColumns), `|${"---|".repeat(rolloutColumns.length)}`, ...rows].join("\n");
}
