/** What is said and checked before the first step. */
import { policyFolder } from "../../checkpoint/checkpoint.ts";
import type { LargestArray } from "../../graph/onnx/peak.ts";
import { mebibytes, requireArray } from "../../graph/onnx/webgpu.ts";
import { checkParity } from "../parity.ts";
import { planLines, settingWarnings } from "../plan.ts";
import { machineMemory } from "../../machine/memory.ts";
import { plannedRun } from "../planned-run.ts";
import { doesNotFit, fits } from "../../plan/text.ts";
import { firstPrompts } from "../../prompts/first-prompts.ts";
import { planRollout } from "../step/collect.ts";
import { learningRateAt } from "../step/schedule.ts";
import type { TrainOptions } from "./options.ts";
import type { OpenRun } from "./open.ts";
import { save, stateOf } from "./save.ts";

/** Say what will be done, check that sampler and learner agree, and save the start. */
export async function announce(run: OpenRun, { dataset }: TrainOptions): Promise<void> {
  const { host, settings } = run;
  const left = run.step < settings.steps ? `from step ${run.step + 1}` : "all of them done";
  const from = run.resumedFrom === null ? "from the first step" : `${left} (${run.resumedFrom})`;
  // The plan is that of the coming step, which will ask for its coefficients again: plugins that count must not count
  // this.
  const remembered = host.saveState();
  // Where none is to come it is the last one's: no plugin is asked for a step that the run does not have.
  const coming = { step: Math.min(run.step + 1, settings.steps), steps: settings.steps };
  host.beginStep(coming);
  const rollout = planRollout(coming, run);
  host.loadState(remembered);
  const prompts = await firstPrompts(run.dataset, Math.max(1, settings.parityPrompts), {
    ...run.policy,
    random: host.random,
    settings,
    position: run.order.position,
  });
  const memory =
    prompts.length === 0
      ? undefined
      : await run.policy.planMemory?.(
          plannedRun(
            host,
            rollout,
            settings,
            prompts.map(({ views }) => views.get("original")!),
          ),
        );
  const lines = [
    `${settings.steps} steps of ${settings.promptsPerStep} prompts × ${settings.samplesPerPrompt} responses, ${from}`,
    ...extensionLines(run),
    `data: ${dataset.name}, ${dataset.size} rows${dataset.skipped.length > 0 ? `, ${dataset.skipped.length} left out` : ""}`,
    ...host.plan(),
    ...planLines(host, rollout, settings, run.policy.learner.capabilities, memory?.plan ?? null),
  ];
  host.events.emit("plan", { lines });
  if (memory !== undefined && memory.plan.largestArray !== null) checkLargestArray(memory.plan.largestArray, host);
  if (host.scorers.size === 0 && host.hooks.rewards.taps.length === 0) {
    host.warn("no plugin gives a reward, so that every response gets 0: list one in the recipe");
  }
  if (memory !== undefined && !fits(memory.plan, machineMemory()))
    host.warn(doesNotFit(memory.plan, await memory.advice(), machineMemory()));
  for (const message of settingWarnings(settings)) host.warn(message);
  for (const { where, reason } of dataset.skipped) host.events.emit("skip", { step: 0, what: where, reason });
  if (settings.parityPrompts > 0 && run.step < settings.steps) {
    const { max } = await checkParity(run.policy, prompts.slice(0, settings.parityPrompts), host.random, settings, {
      environments: [...host.environments.values()],
    });
    host.events.emit("plan", {
      lines: [
        `sampler and learner agree to ${max.toExponential(1)} nats (allowed ${settings.parityTolerance.toExponential(1)})`,
      ],
    });
  }
  if (run.checkpoint === null && settings.checkpointEvery > 0) await save(run, stateOf(run));
  // A new run begins as a resumed one does: from what a checkpoint gives back, with nothing in a cache that the check
  // left there.
  if (run.checkpoint !== null) await run.policy.learner.load(policyFolder(run.checkpoint));
}

/** @throws Error where a pass has an array that is larger than the GPU takes */
function checkLargestArray(largest: LargestArray, host: OpenRun["host"]): void {
  if (requireArray(largest, "fewer microbatchTokens and scoringTokens, samplesPerPrompt or maxNewTokens")) return;
  host.warn(
    `this GPU does not say how large an array may be: the largest of a pass is ${largest.what}, ${mebibytes(largest.bytes)}`,
  );
}

/** What another number of steps changes, for a run that is resumed with one. */
function extensionLines({ host, settings, step, stepsBefore }: OpenRun): string[] {
  if (settings.steps === stepsBefore) return [];
  const rate = (steps: number): string => learningRateAt(step + 1, { ...settings, steps }).toExponential(2);
  const [was, is] = [rate(stepsBefore), rate(settings.steps)];
  const decay =
    settings.decay === "constant"
      ? "the learning rate is as it was"
      : `the ${settings.decay} decay of the learning rate goes to step ${settings.steps} now (step ${step + 1}: ${is}, it was to be ${step < stepsBefore ? was : "past its end"})`;
  const scheduled = [
    ...new Set([host.hooks.coefficient, host.hooks.rollout].flatMap(({ taps }) => taps.map(({ name }) => name))),
  ];
  const plugins =
    scheduled.length === 0
      ? ""
      : `; schedules of ${scheduled.join(", ")} that go by the length of the run go by the new one`;
  return [`the run was to have ${stepsBefore} steps and has ${settings.steps} now: ${decay}${plugins}`];
}
