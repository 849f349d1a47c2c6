/** A plan in lines for a person. */
import { type Advice, needs } from "./advice.ts";
import { gigabytes, type MemoryPart, type MemoryPlan } from "./memory-plan.ts";

/** In short: what a run says before its first step. */
export function summaryLines(plan: MemoryPlan): string[] {
  const { trained, parameters, held, heldOnDevice, passes } = plan;
  const where = plan.device === null ? "" : ` on the processor's side, ${gigabytes(plan.device)} on the device`;
  const largest = passes.reduce<MemoryPart | null>(
    (most, part) => (part.bytes > (most?.bytes ?? 0) ? part : most),
    null,
  );
  const parts = [...(plan.device === null ? held : heldOnDevice), ...(largest === null ? [] : [largest])];
  return [
    `model: ${parameters.toLocaleString("en")} parameters, ${trained.toLocaleString("en")} numbers trained`,
    `memory: ${gigabytes(plan.host)}${where}, if every response is as long as it may be (${parts.map(({ name, bytes }) => `${name} ${gigabytes(bytes)}`).join(", ")})` +
      (plan.mapped === 0 ? "" : `; ${gigabytes(plan.mapped)} of frozen weights stay in their files`),
    `disk: ${gigabytes(plan.checkpoint)} a checkpoint, ${gigabytes(plan.disk)} at most`,
  ];
}

/** Part by part. @param available what the machine has, bytes */
export function planTable(plan: MemoryPlan, advice: readonly Advice[], available: number): string[] {
  const rows = (title: string, parts: readonly MemoryPart[]): string[] => [
    title,
    ...parts.map(
      ({ name, bytes, note }) =>
        `  ${name.padEnd(26)}${gigabytes(bytes).padStart(9)}${note === undefined ? "" : `  ${note}`}`,
    ),
  ];
  const change = ({ settings, plan: other }: Advice): MemoryPart => ({
    name: settings,
    bytes: needs(other),
    note: `${gigabytes(needs(plan) - needs(other))} less${fits(other, available) && other.device === null ? ", which fits" : ""}`,
  });
  return [
    `${plan.parameters.toLocaleString("en")} parameters, ${plan.trained.toLocaleString("en")} numbers trained`,
    ...rows("held from step to step", plan.held),
    ...(plan.device === null ? [] : rows("held on the device", plan.heldOnDevice)),
    ...rows(`while a pass runs, one after the other${plan.device === null ? "" : ", on the device"}`, plan.passes),
    ...rows("at most", [
      {
        name: plan.device === null ? "memory" : "memory of the processor",
        bytes: plan.host,
        note: verdict(plan, available),
      },
      ...(plan.device === null ? [] : [{ name: "memory of the device", bytes: plan.device }]),
      ...(plan.mapped === 0
        ? []
        : [
            {
              name: "weights in files",
              bytes: plan.mapped,
              note: "read where they are; pages that the system takes back when memory is short",
            },
          ]),
    ]),
    ...rows("on disk", [
      { name: "a checkpoint", bytes: plan.checkpoint },
      { name: "all that are kept", bytes: plan.disk, note: "with one that is being written" },
    ]),
    ...(advice.length === 0 ? [] : rows("what settings would change", advice.map(change))),
  ];
}

/** Whether the processor's part fits. */
export const fits = ({ host }: MemoryPlan, available: number): boolean => host <= available;

const verdict = (plan: MemoryPlan, available: number): string =>
  fits(plan, available) ? `of ${gigabytes(available)}: it fits` : `of ${gigabytes(available)}: it does not fit`;

/** What to say of a run that does not fit, and what would help. */
export function doesNotFit(plan: MemoryPlan, advice: readonly Advice[], available: number): string {
  const options = advice.map(({ settings, plan: other }) => `${settings} needs ${gigabytes(needs(other))}`);
  return `this run needs up to ${gigabytes(plan.host)} of memory, and there are ${gigabytes(available)}${options.length === 0 ? "" : `: ${options.join("; ")}`}`;
}
