/**
 * Settings and data of the runs side by side, a line per plugin; of several runs those that differ, and the others when
 * they are asked for.
 */
import type { RunRecord } from "../report/run-record.ts";
import { note, type Block, type Row } from "./blocks.ts";

const textOf = (value: unknown): string => (typeof value === "string" ? value : (JSON.stringify(value) ?? ""));

export function settingsBlocks(runs: readonly RunRecord[]): Block[] {
  const all = runs.map((run): Readonly<Record<string, unknown>> => ({
    recipe: run.recipe,
    seed: run.seed,
    "steps done": run.steps.length,
    ...run.settings,
  }));
  const names = [...new Set(all.flatMap((settings) => Object.keys(settings)))];
  const rows = names.map((head) => {
    const texts = all.map((settings) => (head in settings ? textOf(settings[head]) : null));
    return { head, marked: new Set(texts).size > 1, cells: texts.map((text) => (text === null ? null : { text })) };
  });
  const table = (caption: string, own: readonly Row[]): Block => ({
    kind: "table",
    caption,
    corner: ["setting"],
    columns: runs.map(({ name }) => ({ text: name })),
    groups: [{ head: "", rows: own }],
    words: true,
  });
  if (runs.length === 1) return [table("Settings", rows)];
  const [differing, equal] = [rows.filter(({ marked }) => marked), rows.filter(({ marked }) => !marked)];
  return [
    differing.length === 0 ? note("The runs have equal settings.") : table("Settings that differ", differing),
    {
      kind: "fold",
      summary: `${equal.length} settings that are equal`,
      blocks: [table("Settings that are equal", equal)],
    },
  ];
}
