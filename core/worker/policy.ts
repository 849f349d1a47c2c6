/** Opening a policy: a model folder becomes a learner, a sampler and a processor. */
import { keepFreedMemory } from "../machine/libc.ts";
import type { PictureOptions } from "../model/processing/picture.ts";
import { Processor } from "../model/processing/processor.ts";
import { parseSettings, type RunSettings } from "../contracts/settings.ts";
import type { PlannedMemory, Policy, TextProcessor } from "../contracts/policy.ts";
import { adviceFor, planOf, refuseTooLarge } from "../plan/advice.ts";
import { plannedFolder, type PlannedModel } from "../plan/folder.ts";
import { givenBackFrom, machineMemory } from "../machine/memory.ts";
import type { PlannedRun } from "../plan/memory-plan.ts";
import type { PlanSettings } from "../plan/subject.ts";
import { createPictureSender } from "./picture-wire.ts";
import { loadPolicyParts, type PolicyOptions } from "./policy-parts.ts";
import {
  ownWeightsRollout,
  remoteLearner,
  remoteRollout,
  watched,
  type PolicyHello,
  type PolicyService,
} from "./policy-service.ts";
import { promptProcessor } from "./prompt-processor.ts";
import { launchThread, type LaunchedThread, type ServiceThread } from "./thread.ts";

export interface OpenPolicy extends Policy {
  readonly processor: TextProcessor;
  /** Lets earlier calls finish, frees the model and ends its thread; later calls reject. A second call does nothing. */
  close(): Promise<void>;
}

/** What a plan takes of a policy's options, with the defaults of RunSettings. */
function planSettings({ optimizer, ...options }: PolicyOptions, pipelined: RunSettings["pipelined"]): PlanSettings {
  const { rollout = {}, ...others } = options;
  const { microbatchTokens, scoringTokens, recompute, keepFreedMemory: keep } = others;
  const { executor, device, precision, devices, sharding, lora, checkpointType } = others;
  const learning = { microbatchTokens, scoringTokens, recompute, keepFreedMemory: keep, lora, checkpointType };
  const named = Object.entries({ ...learning, executor, device, precision, devices, sharding });
  const given = Object.fromEntries(named.filter(([, value]) => value !== undefined));
  const { cacheBytes } = rollout;
  const cache = cacheBytes === undefined ? {} : { cacheMegabytes: cacheBytes / 2 ** 20 };
  return {
    ...parseSettings({}),
    ...given,
    ...cache,
    pipelined,
    optimizer: { moments: "float32", matrices: "adamw", ...optimizer },
  };
}

export interface OpenPolicyOptions extends PolicyOptions {
  /** Bytes of pictures' pixels that the worker keeps from one call to the next. Default 64 MiB. */
  readonly pictureBytes?: number;
  /** See RunSettings; "rollouts" gives the sampler a thread and weights of its own. Default "off". */
  readonly pipelined?: RunSettings["pipelined"];
  /** Launched before for the same settings. Default: launched now. */
  readonly launched?: LaunchedPolicy;
}

/** Threads of a policy that is opened later: they load what they run, and no model. */
export interface LaunchedPolicy {
  readonly threads: readonly LaunchedThread<PolicyService, PolicyHello>[];
  /** Ends them, opened or not. */
  terminate(): Promise<void>;
}

/**
 * Launch the threads of a policy while something else is waited for. Whoever launches them opens the policy with them,
 * or ends them. The C library is told before what to do with freed memory, since a thread has its heap from its
 * beginning on.
 */
export const launchPolicy = ({
  pipelined = "off",
  keepFreedMemory: keep,
}: Pick<OpenPolicyOptions, "pipelined" | "keepFreedMemory">): LaunchedPolicy => {
  settleFreedMemory(keep);
  const names = pipelined === "rollouts" ? ["policy", "sampler"] : ["policy"];
  const threads = names.map((name) =>
    launchThread<PolicyService, PolicyHello>(new URL("./policy-worker.mjs", import.meta.url), { name }),
  );
  return { threads, terminate: async () => void (await Promise.all(threads.map((thread) => thread.terminate()))) };
};

/** Before the size of the model is known: of a large one arrays go back in any case. */
const settleFreedMemory = (keep = true): void => (keep ? keepFreedMemory() : keepFreedMemory(givenBackFrom));

/**
 * Open a policy in a worker thread of its own. Its calls run one at a time, in the order they were made; should the
 * thread die, they and all later ones reject saying so.
 * @throws Error naming the file of the model folder that is missing or wrong.
 */
export const openPolicy = async ({
  pictureBytes = 64 * 2 ** 20,
  pipelined = "off",
  launched,
  ...others
}: OpenPolicyOptions): Promise<OpenPolicy> => {
  const planned = await plannedFolder(others.folder);
  const settings = planSettings(others, pipelined);
  await refuseTooLarge(planned, settings, machineMemory());
  const { threads: waiting } = launched ?? launchPolicy({ pipelined, ...others });
  const options: PolicyOptions = { ...others, spinning: waiting.length === 1 };
  const starting = waiting.map((thread) => thread.start(options));
  const [processor, ...started] = await Promise.allSettled([loadProcessor(options.folder), ...starting]);
  const threads = started.flatMap((thread) => (thread.status === "fulfilled" ? [thread.value] : []));
  const failed = [...started, processor].find(({ status }) => status === "rejected");
  if (failed?.status === "rejected" || processor.status === "rejected") {
    await Promise.all(threads.map(({ terminate }) => terminate()));
    throw (failed as PromiseRejectedResult).reason;
  }
  const [policy, sampler] = threads as [PolicyThread, PolicyThread?];
  const sender = createPictureSender(pictureBytes);
  const learner = remoteLearner(policy.caller, sender, policy.hello);
  const own =
    sampler === undefined
      ? null
      : ownWeightsRollout(policy.caller, sampler.caller, createPictureSender(pictureBytes), sampler.hello.turns);
  let closing: Promise<void> | null = null;
  return {
    learner: own === null ? learner : watched(learner, own.weightsChange),
    rollout: own?.rollout ?? remoteRollout(policy.caller, sender, policy.hello.turns),
    processor: promptProcessor(processor.value, options.pictures),
    planMemory: memoryPlanner(planned, settings),
    close: () => (closing ??= Promise.all(threads.map(closeThread)).then(() => undefined)),
  };
};

const memoryPlanner =
  (model: PlannedModel, settings: PlanSettings) =>
  async (run: PlannedRun): Promise<PlannedMemory> => {
    const plan = await planOf(model, settings, run);
    return { plan, advice: () => adviceFor(model, settings, run, plan) };
  };

type PolicyThread = ServiceThread<PolicyService, PolicyHello>;

/** The same in the calling thread, which is blocked while the model computes: for tests and small tools. */
export const openPolicyInProcess = async (options: PolicyOptions): Promise<OpenPolicy> => {
  settleFreedMemory(options.keepFreedMemory);
  const processor = await loadProcessor(options.folder);
  const { learner, rollout, close } = await loadPolicyParts(options);
  let closing: Promise<void> | null = null;
  return {
    learner,
    rollout,
    processor: promptProcessor(processor, options.pictures),
    close: () => (closing ??= close()),
  };
};

/** A model folder's processor alone: no weights are read. */
export const openProcessor = async (folder: string, pictures?: PictureOptions): Promise<TextProcessor> =>
  promptProcessor(await Processor.load(folder), pictures);

/** Whoever opens a policy computes a loss of it, most likely: what that needs is loaded while the threads start. */
const loadProcessor = async (folder: string): Promise<Processor> =>
  (await Promise.all([Processor.load(folder), import("../math/backend.ts")]))[0];

/** A thread that is dead already needs no closing. */
const closeThread = async ({ caller, terminate, ended }: PolicyThread): Promise<void> => {
  try {
    await Promise.race([ended, caller.call("close", null)]);
  } finally {
    caller.fail(() => new Error("The policy is closed"));
    await terminate();
  }
};
