/** What can be changed about a run that does not fit, and what each change gives. */
import { promptLength } from "../model/model.ts";
import { loraSchema } from "../model/lora/settings.ts";
import { gigabytes, leastBytes, type MemoryPlan, type PlannedRun, planMemory } from "./memory-plan.ts";
import { plannedFolder, type PlannedModel } from "./folder.ts";
import { PlanSubject, type PlanSettings } from "./subject.ts";

export interface Advice {
  /** As settings of a run file. */
  readonly settings: string;
  readonly plan: MemoryPlan;
}

export const planOf = async (
  { config, typeOf, folder = "" }: PlannedModel,
  settings: PlanSettings,
  run: PlannedRun,
): Promise<MemoryPlan> => {
  const teachers = new Map<string, PlanSubject>();
  for (const { name, folder: own } of run.teachers ?? []) {
    const teacher = await plannedFolder(own);
    teachers.set(name, PlanSubject.frozen(teacher.config, settings, teacher.typeOf));
  }
  return planMemory(await PlanSubject.of(config, settings, typeOf, folder), run, teachers);
};

/** Each change alone, and after them all that help together; those that change nothing are left out. */
export async function adviceFor(
  model: PlannedModel,
  settings: PlanSettings,
  run: PlannedRun,
  plan: MemoryPlan,
): Promise<Advice[]> {
  const { executor, device, optimizer, microbatchTokens, lora, recompute, cacheMegabytes } = settings;
  const row = promptLength(run.prompt) + run.responseTokens;
  const changes: readonly (readonly [text: string, change: Partial<PlanSettings>])[] = [
    ...(lora === null ? [["lora: { rank: 16 }", { lora: loraSchema.parse({ rank: 16 }) }] as const] : []),
    ...(optimizer.moments === "float32" && optimizer.matrices === "adamw" && executor === "onnxruntime"
      ? [['optimizer: { moments: "8bit" }', { optimizer: { ...optimizer, moments: "8bit" } }] as const]
      : []),
    ...(recompute ? [] : [["recompute: true", { recompute: true }] as const]),
    ...(microbatchTokens > row ? [[`microbatchTokens: ${row}`, { microbatchTokens: row }] as const] : []),
    ...(run.sampled > 0 && cacheMegabytes !== 256 && !(device === "cpu" && executor !== "onnxruntime")
      ? [["cacheMegabytes: 256", { cacheMegabytes: 256 }] as const]
      : []),
  ];
  const found: Advice[] = [];
  for (const [text, change] of changes)
    found.push({ settings: text, plan: await planOf(model, { ...settings, ...change }, run) });
  const helpful = found.filter((advice) => needs(advice.plan) < needs(plan));
  if (helpful.length < 2) return helpful;
  const all = changes.filter(([text]) => helpful.some((advice) => advice.settings === text));
  const together = await planOf(
    model,
    { ...settings, ...(Object.assign({}, ...all.map(([, change]) => change)) as Partial<PlanSettings>) },
    run,
  );
  return [...helpful, { settings: all.map(([text]) => text).join(", "), plan: together }];
}

/** Bytes where they are short: on the device where there is one. */
export const needs = ({ host, device }: MemoryPlan): number => device ?? host;

/** @throws Error where what a run holds in any case is more than there is, saying what would hold less */
export async function refuseTooLarge(model: PlannedModel, settings: PlanSettings, available: number): Promise<void> {
  const least = async (changed: PlanSettings): Promise<number> =>
    leastBytes(await PlanSubject.of(model.config, changed, model.typeOf, model.folder));
  const bytes = await least(settings);
  if (bytes <= available) return;
  const { optimizer, lora } = settings;
  const others = [
    ...(optimizer.moments === "float32" && lora === null
      ? [['optimizer: { moments: "8bit" }', { ...settings, optimizer: { ...optimizer, moments: "8bit" } }] as const]
      : []),
    ...(lora === null ? [["lora: { rank: 16 }", { ...settings, lora: loraSchema.parse({ rank: 16 }) }] as const] : []),
  ];
  const less = await Promise.all(
    others.map(async ([text, changed]) => `settings: { ${text} } takes ${gigabytes(await least(changed))}`),
  );
  throw new Error(
    `the model's weights with gradient and moments take ${gigabytes(bytes)} before anything is computed, and this machine has ${gigabytes(available)}${less.length === 0 ? ": use a smaller model or a larger machine" : `: ${less.join("; ")}`}; papo plan says what takes how much`,
  );
}
