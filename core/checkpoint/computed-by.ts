/** What computes a run: where it is another one, steps that are done again need not repeat the same bytes. */
import { cpus } from "node:os";

export interface ComputedBy {
  readonly node: string;
  /** Operating system, architecture and the processor's model. */
  readonly machine: string;
  /** The learner's library, with its version. */
  readonly learner: string;
}

/** @param software LearnerCapabilities.software */
export const computedBy = (software = "unknown"): ComputedBy => ({
  node: process.versions.node,
  machine: `${process.platform} ${process.arch}, ${cpus()[0]?.model.trim() ?? "unknown processor"}`,
  learner: software,
});

/** What is said of a run that goes on with something else; null where that is the same, or was not recorded. */
export function computedByOther(before: ComputedBy | undefined, now: ComputedBy): string | null {
  if (before === undefined) return null;
  const changed = (Object.keys(now) as (keyof ComputedBy)[]).filter((name) => before[name] !== now[name]);
  if (changed.length === 0) return null;
  const changes = changed.map((name) => `${name} ${before[name] ?? "unknown"} → ${now[name]}`).join("; ");
  return `the run goes on with what it was not begun with (${changes}): its steps from here on may differ in rounding from those that it would have done`;
}
