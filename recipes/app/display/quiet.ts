/** The display under `--quiet`: results on standard output, alarms on standard error, nothing else. */
import { printable, type RunEvents } from "@papo/core";
import type { Display } from "./display.ts";
import { oneLine } from "./format.ts";

export interface QuietStreams {
  readonly out?: NodeJS.WritableStream;
  readonly err?: NodeJS.WritableStream;
}

export function createQuietDisplay({ out = process.stdout, err = process.stderr }: QuietStreams = {}): Display {
  const nothing = (): void => undefined;
  return {
    run(name, events) {
      const onAlarm = ({ step, plugin, message }: RunEvents["alarm"]): void =>
        void err.write(`! ${oneLine(`${name}: step ${step}, ${plugin}: ${message}`)}\n`);
      events.on("alarm", onAlarm);
      return { end: () => events.off("alarm", onAlarm) };
    },
    phase: () => ({ advance: nothing, end: nothing }),
    line: nothing,
    result: (text) => void out.write(`${printable(text)}\n`),
    failed: nothing,
    close: nothing,
  };
}
