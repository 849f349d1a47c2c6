/** Numbers, bars and lines of the terminal display: pure text, no terminal. */
import { headlineMetrics, headlines } from "../report/headline.ts";
import type { Headline } from "../report/headline.ts";

/** What is known of a run while it trains. */
export interface RunProgress {
  readonly name: string;
  /** Steps done. */
  readonly step: number;
  readonly steps: number;
  /** Of the last step done, those of its timing included. */
  readonly metrics: Readonly<Record<string, number>>;
  /** Reward of every step so far. */
  readonly rewards: readonly number[];
  /**
   * From one step's end to the next, evaluations and checkpoints included, mean over the last steps; null before the
   * first is done.
   */
  readonly secondsPerStep: number | null;
  /** Responses finished in the step under way. */
  readonly responses: number;
  /** The latest, one line each. */
  readonly alarms: readonly string[];
}

/** Paints text; `plain` leaves it as it is. */
export interface Paint {
  bold(text: string): string;
  dim(text: string): string;
  warn(text: string): string;
}

const sequence =
  (code: number) =>
  (text: string): string =>
    `\u001b[${code}m${text}\u001b[0m`;
export const colours: Paint = { bold: sequence(1), dim: sequence(2), warn: sequence(33) };
export const plain: Paint = { bold: (text) => text, dim: (text) => text, warn: (text) => text };

/**
 * Text from elsewhere (an alarm may quote a model) as one harmless line: control characters become spaces. Its indent
 * stays.
 */
export const oneLine = (text: string): string => text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu, " ").trimEnd();

/** Three significant digits, thousands separated: 0.712, 14.2, 4,210. */
export const shortNumber = (value: number): string => {
  if (!Number.isFinite(value)) return String(value);
  const size = Math.abs(value);
  if (size >= 100) return Math.round(value).toLocaleString("en");
  if (size > 0 && size < 1e-3) return value.toExponential(1);
  return size >= 10 ? value.toFixed(1) : size >= 1 ? value.toFixed(2) : value.toFixed(3);
};

/** A share of 1 as "52.3 %". */
export const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;

/** A share with its interval: "51.5 % [48.4, 54.6]". */
export const percentInterval = ({
  value,
  low,
  high,
}: {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}): string => `${percent(value)} [${(100 * low).toFixed(1)}, ${(100 * high).toFixed(1)}]`;

/** "43 s", "2 min 05 s", "1 h 03 min". */
export const duration = (seconds: number): string => {
  const whole = Math.max(0, Math.round(seconds));
  if (whole < 60) return `${whole} s`;
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
};

const blocks = "▁▂▃▄▅▆▇█";

/** The values as a row of bars, at most `width`: neighbours are averaged when there are more. Empty without values. */
export const sparkline = (values: readonly number[], width: number): string => {
  const known = values.filter(Number.isFinite);
  const columns = Math.min(width, known.length);
  const means = Array.from({ length: columns }, (_, at) => {
    const part = known.slice(
      Math.floor((at * known.length) / columns),
      Math.floor(((at + 1) * known.length) / columns),
    );
    return part.reduce((sum, value) => sum + value, 0) / part.length;
  });
  const [low, high] = [Math.min(...means), Math.max(...means)];
  return means
    .map((value) => blocks[high > low ? Math.round(((value - low) / (high - low)) * (blocks.length - 1)) : 3])
    .join("");
};

/** A bar of `width` columns, filled to done/total. */
export const bar = (done: number, total: number, width: number): string => {
  const filled = total > 0 ? Math.round(Math.min(1, done / total) * width) : 0;
  return "█".repeat(filled) + "░".repeat(width - filled);
};

/** "evaluating 1,000 scenes 43 %"; without a total the count alone. */
export const phaseText = (text: string, done: number, total: number | null): string => {
  if (total === null) return done > 0 ? `${text} ${done.toLocaleString("en")}` : text;
  return `${text} ${Math.floor((100 * done) / Math.max(1, total))} %`;
};

const eta = ({ step, steps, secondsPerStep }: RunProgress): string =>
  secondsPerStep === null ? "ETA –" : step >= steps ? "done" : `ETA ${duration(secondsPerStep * (steps - step))}`;

/** The headline numbers that the run has, as "label value", in order. */
const headlineTexts = (progress: RunProgress, wanted: readonly Headline["id"][], paint: Paint): string[] => {
  const found = headlineMetrics(Object.keys(progress.metrics));
  return headlines.flatMap(({ id, short }) => {
    const value = progress.metrics[found.get(id) ?? ""];
    if (!wanted.includes(id) || value === undefined) return [];
    return [id === "speed" ? `${shortNumber(value)} ${short}` : `${paint.dim(short)} ${shortNumber(value)}`];
  });
};

/** "1 response", "57 responses". */
export const responsesText = (count: number): string =>
  `${count.toLocaleString("en")} response${count === 1 ? "" : "s"}`;

/** The run as a block of lines, for a terminal that is redrawn. */
export const runBlock = (progress: RunProgress, paint: Paint): string[] => {
  const { name, step, steps, secondsPerStep, rewards, responses, alarms } = progress;
  const pace = secondsPerStep === null ? [] : [`${shortNumber(secondsPerStep)} s/step`];
  const sampling = responses > 0 && step < steps ? [paint.dim(responsesText(responses))] : [];
  const head = [
    `${paint.bold(oneLine(name))}  step ${step}/${steps}`,
    bar(step, steps, 24),
    ...pace,
    eta(progress),
    ...sampling,
  ];
  const [reward, ...accuracy] = headlineTexts(progress, ["reward", "accuracy"], paint);
  const rows = [
    head,
    [...(reward === undefined ? [] : [reward]), sparkline(rewards, 40), ...accuracy],
    headlineTexts(progress, ["perceptionKl", "entropy", "maskedEntropy"], paint),
    headlineTexts(progress, ["length", "clip", "gradientNorm", "speed", "knownSizes"], paint),
    headlineTexts(progress, ["evaluation", "visualDependence"], paint),
  ];
  const lines = rows.map((row) => row.filter((part) => part !== "").join("  ")).filter((line) => line !== "");
  return [
    ...lines.map((line, at) => (at === 0 ? line : `  ${line}`)),
    ...alarms.map((alarm) => paint.warn(`  ! ${alarm}`)),
  ];
};

/** The run as one line, for a log. */
export const runLine = (progress: RunProgress): string => {
  const all = headlines.map(({ id }) => id);
  return `${oneLine(progress.name)} step ${progress.step}/${progress.steps}: ${[...headlineTexts(progress, all, plain), eta(progress)].join(", ")}`;
};

/** Cuts a line to `columns` visible characters; colour codes count nothing and are closed. */
export const cutTo = (line: string, columns: number): string => {
  let visible = 0;
  let cut = "";
  for (const part of line.split(/(\u001b\[\d+m)/)) {
    if (part.startsWith("\u001b")) {
      cut += part;
      continue;
    }
    const characters = [...part].slice(0, columns - visible);
    visible += characters.length;
    cut += characters.join("");
  }
  return cut;
};

const visibleLength = (text: string): number => [...text.replace(/\u001b\[\d+m/g, "")].length;

/**
 * A line as several of at most `columns` visible characters, broken at spaces and indented further; a longer word stays
 * whole.
 */
export const foldTo = (line: string, columns: number): string[] => {
  if (visibleLength(line) <= columns) return [line];
  const indent = `${/^ */.exec(line)![0]}  `;
  const folded: string[] = [];
  let current = "";
  for (const word of line.match(/ *[^ ]+/g) ?? []) {
    if (current === "" || visibleLength(current) + visibleLength(word) <= columns) current += word;
    else {
      folded.push(current);
      current = `${indent}${word.trimStart()}`;
    }
  }
  return [...folded, current];
};
