/** Rows on OpenXLA, after `papo setup xla`: a deep model's first step, what a long row holds, and decoding by depth. */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import type { Tools } from "./large-rows.ts";
import { median } from "./statistics.ts";
import type { DecodeSetting, FormAnswer, Spent } from "./xla-decode-side.ts";
import type { XlaAnswer, XlaSetting } from "./xla-side.ts";

export function xlaFigures(
  root: string,
  { row }: Pick<Tools, "row">,
): Readonly<Record<string, () => Promise<string[]>>> {
  const cache = join(root, "xla-cache");
  return {
    "large-xla-start": () => Promise.resolve(start(cache, row)),
    "large-xla-long": () => Promise.resolve(long(cache, row)),
    "large-xla-decode": () => Promise.resolve([6, 12, 24, 36].flatMap((layers) => decoding(layers, row))),
  };
}

const learn = (setting: XlaSetting): XlaAnswer => answerOf("xla-side.ts", setting) as XlaAnswer;

/** What a side in a process of its own says. */
function answerOf(file: string, setting: object): unknown {
  const side = join(import.meta.dirname, file);
  const command = ["--import", "tsx", side, JSON.stringify(setting)];
  const { status, stdout, stderr } = spawnSync(process.execPath, command, { encoding: "utf8" });
  const last = stderr.trim().split("\n").slice(-5).join("\n");
  if (status !== 0) throw new Error(`the side on OpenXLA ended with ${status}: ${last}`);
  return JSON.parse(stdout.trim().split("\n").at(-1)!) as unknown;
}

/**
 * 8 responses of 33 tokens, that is 32 rounds, in both forms in turn, and what the first compiled; ratios are of the
 * seconds that the processes' threads computed.
 */
function decoding(layers: number, row: Tools["row"]): string[] {
  const sizes = { prompts: 2, text: 64, responses: 4, tokens: 33, waves: 7 };
  const setting: DecodeSetting = { layers, width: 512, forms: ["segments", "whole"], ...sizes };
  const [segments, whole] = answerOf("xla-decode-side.ts", setting) as [FormAnswer, FormAnswer];
  const text = ({ seconds, busy }: Spent): string => `${seconds.toFixed(2)} (threads: ${busy.toFixed(2)})`;
  const middle = ({ waves }: FormAnswer): Spent => ({
    seconds: median(waves.map(({ seconds }) => seconds)),
    busy: median(waves.map(({ busy }) => busy)),
  });
  const compiled = (answer: FormAnswer): string => `${text(answer.compiling)}, ${answer.compiled} programs`;
  const ratio = (of: (answer: FormAnswer) => Spent): string => `${(of(segments).busy / of(whole).busy).toFixed(2)}×`;
  const what = `OpenXLA on the CPU, ${layers} layers of width 512, rounds in segments`;
  return [
    row(
      `compiling, ${what}, s`,
      compiled(segments),
      `as one: ${compiled(whole)}`,
      ratio(({ compiling }) => compiling),
      "",
    ),
    row(
      `8 responses of 33 tokens, ${what}, s`,
      text(middle(segments)),
      `as one: ${text(middle(whole))}`,
      ratio(middle),
      "",
    ),
  ];
}

/** Processes one after the other, the first with an empty cache. */
function start(cache: string, row: Tools["row"]): string[] {
  rmSync(cache, { recursive: true, force: true });
  const setting: XlaSetting = { layers: 36, width: 512, cache, prompts: 2, text: 64, responses: 2, tokens: 64 };
  const [cold, warm] = [learn(setting), learn(setting)];
  return [
    row(
      "start to the end of the first learner step, OpenXLA on the CPU, 36 layers of width 512, nothing compiled before, s",
      `${cold.seconds.toFixed(1)} (${cold.compiled} programs)`,
      "",
      "",
      "≤ 120",
    ),
    row(
      "the same, programs kept by another process, s",
      `${warm.seconds.toFixed(1)} (${warm.read} read, ${warm.compiled} compiled)`,
      "",
      "",
      "≤ 15",
    ),
  ];
}

/** A row of 4,096 tokens through two layers, forward and back, attended whole and in tiles. */
function long(cache: string, row: Tools["row"]): string[] {
  const setting: XlaSetting = { layers: 2, width: 512, cache, prompts: 1, text: 64, responses: 1, tokens: 4032 };
  const [whole, tiles] = [{ ...setting, longRow: 2 ** 30 }, setting].map(learn) as [XlaAnswer, XlaAnswer];
  const grown = ({ peak, before }: XlaAnswer): number => peak - before;
  return [
    row(
      "peak above an empty process, OpenXLA on the CPU, learner step of one row of 4,096 tokens, 2 layers, 8 heads, in tiles, MB",
      grown(tiles).toFixed(0),
      `attended whole: ${grown(whole).toFixed(0)}`,
      `${(grown(tiles) / grown(whole)).toFixed(2)}×`,
      "",
    ),
  ];
}
