/** A step as it was recorded beside the same step computed again. */
import type { StepNumbers } from "@papo/core";
import { whereNumbersDiffer } from "./numbers.ts";

export interface RecordedStep {
  readonly step: number;
  /** Numbers that JSON has no word for are texts. */
  readonly metrics: Readonly<Record<string, number | string>>;
  /** Null where the run was of a version that wrote none. */
  readonly digests: Readonly<Record<string, string>> | null;
  /** Of its first prompts and responses; null as above. */
  readonly numbers: StepNumbers | null;
  readonly verdicts: readonly {
    readonly prompt: string;
    readonly round: number;
    readonly index: number;
    readonly scorer: string;
    readonly tokens: string;
    readonly value: number | null;
  }[];
  /** The manifest of the step's checkpoint; null where there is none. */
  readonly files: Readonly<Record<string, { readonly sha256?: string | undefined }>> | null;
}

/** What of a step is equal to the bit, and by how much the rest differs. */
export function compareSteps(
  was: RecordedStep,
  is: RecordedStep,
): { readonly lines: string[]; readonly equal: boolean } {
  const parts = [metricsLine(was, is), ...digestLines(was, is), verdictsLine(was, is), ...weightsLine(was, is)];
  const equal = parts.every((part) => part.equal);
  const lines = parts.map((part) => `  ${part.name}: ${part.text}`);
  return {
    equal,
    lines: [
      `step ${was.step} computed again: ${equal ? "equal bits in all that was recorded" : "it differs"}`,
      ...lines,
    ],
  };
}

interface Part {
  readonly name: string;
  readonly text: string;
  readonly equal: boolean;
}

function metricsLine({ metrics: was }: RecordedStep, { metrics: is }: RecordedStep): Part {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])];
  const differing = names.filter((name) => was[name] !== is[name]);
  if (differing.length === 0) return { name: "metrics", text: `all ${names.length} equal`, equal: true };
  const by = (name: string): number => {
    const difference = Math.abs(Number(was[name]) - Number(is[name]));
    return Number.isNaN(difference) ? Infinity : difference;
  };
  const largest = differing.reduce((a, b) => (by(b) > by(a) ? b : a));
  return {
    name: "metrics",
    text: `${differing.length} of ${names.length} differ, most ${largest}: ${was[largest] ?? "absent"} → ${is[largest] ?? "absent"} (by ${by(largest).toExponential(2)})`,
    equal: false,
  };
}

function digestLines(was: RecordedStep, is: RecordedStep): Part[] {
  if (was.digests === null || is.digests === null)
    return [{ name: "prompts, masks and samples", text: "the run recorded nothing of them", equal: true }];
  const names = [...new Set([...Object.keys(was.digests), ...Object.keys(is.digests)])];
  return names.map((name) => {
    if (was.digests![name] === is.digests![name]) return { name, text: "equal", equal: true };
    const where =
      was.numbers === null || is.numbers === null ? null : whereNumbersDiffer(name, was.numbers, is.numbers);
    return { name, text: where === null ? "differ" : `differ, ${where}`, equal: false };
  });
}

type Verdict = RecordedStep["verdicts"][number];

function verdictsLine({ verdicts: was }: RecordedStep, { verdicts: is }: RecordedStep): Part {
  const keyOf = ({ prompt, round, index, scorer }: Verdict): string => JSON.stringify([prompt, round, index, scorer]);
  const now = new Map(is.map((entry) => [keyOf(entry), entry]));
  const differing = was.filter((entry) => {
    const other = now.get(keyOf(entry));
    return other?.value !== entry.value || other.tokens !== entry.tokens;
  });
  const first = differing[0];
  if (first === undefined && was.length === is.length)
    return { name: "verdicts", text: `all ${was.length} equal`, equal: true };
  const named = ({ index, prompt, scorer }: Verdict): string => `that on response ${index} to "${prompt}" by ${scorer}`;
  const by = (entry: Verdict): number => Math.abs((entry.value ?? 0) - (now.get(keyOf(entry))?.value ?? 0));
  const most = differing.reduce((a, b) => (by(b) > by(a) ? b : a), differing[0]!);
  const largest =
    first === undefined
      ? ""
      : by(most) > 0
        ? `, most ${named(most)}: ${most.value ?? "none"} → ${now.get(keyOf(most))?.value ?? "none"} (by ${by(most).toExponential(2)})`
        : `, first ${named(first)}`;
  return {
    name: "verdicts",
    text: `${differing.length} of ${was.length} differ or are on other tokens${largest}; ${is.length} now`,
    equal: false,
  };
}

/** Where both have a checkpoint of the step. */
function weightsLine({ files: was }: RecordedStep, { files: is }: RecordedStep): Part[] {
  if (was === null || is === null) return [];
  const names = Object.keys(was).filter((name) => name.startsWith("policy/"));
  const differing = names.filter((name) => was[name]?.sha256 !== is[name]?.sha256);
  return [
    {
      name: "weights and optimizer",
      text: differing.length === 0 ? `all ${names.length} files equal` : `${differing.join(", ")} differ`,
      equal: differing.length === 0,
    },
  ];
}

/** What a step was beside what it would have been: metrics that differ. */
export function shownBeside(
  { step, metrics: was }: RecordedStep,
  { metrics: is }: RecordedStep,
  changes: readonly string[],
): string {
  const names = [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((name) => was[name] !== is[name]);
  const text = (value: number | string | undefined): string =>
    value === undefined ? "–" : typeof value === "string" ? value : String(Number(value.toPrecision(5)));
  const rows = [["metric", "was", "would have been"], ...names.map((name) => [name, text(was[name]), text(is[name])])];
  const widths = [0, 1].map((column) => Math.max(...rows.map((row) => row[column]!.length)));
  const lines = rows.map(
    ([name, before, after]) => `  ${name!.padEnd(widths[0]!)}  ${before!.padStart(widths[1]!)}  ${after!}`,
  );
  return [
    `step ${step} with ${changes.join(", ")}: ${names.length} metrics differ`,
    ...(names.length === 0 ? [] : lines),
  ].join("\n");
}
