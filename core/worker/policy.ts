/** Opening a policy: a model folder becomes a learner, a sampler and a processor. */
import { keepFreedMemory } from "../graph/libc.ts";
import { Processor } from "../model/processing/processor.ts";
import type { RunSettings } from "../pipeline/settings.ts";
import type { Policy, TextProcessor } from "../pipeline/policy.ts";
import { createPictureSender } from "./picture-wire.ts";
import { loadPolicyParts, type PolicyOptions } from "./policy-parts.ts";
import { ownWeightsRollout, remoteLearner, remoteRollout, watched, type PolicyHello, type PolicyService } from "./policy-service.ts";
import { promptProcessor } from "./prompt-processor.ts";
import { startThread, type ServiceThread } from "./thread.ts";

export interface OpenPolicy extends Policy {
  readonly processor: TextProcessor;
  /** Lets earlier calls finish, frees the model and ends its thread; later calls reject. A second call does nothing. */
  close(): Promise<void>;
}

export interface OpenPolicyOptions extends PolicyOptions {
  /** Bytes of pictures' pixels that the worker keeps from one call to the next. Default 64 MiB. */
  readonly pictureBytes?: number;
  /** See RunSettings; "rollouts" gives the sampler a thread and weights of its own. Default "off". */
  readonly pipelined?: RunSettings["pipelined"];
}

/**
 * Open a policy in a worker thread of its own. Its calls run one at a time, in the order they were made; should the thread die, they
 * and all later ones reject saying so.
 * @throws Error naming the file of the model folder that is missing or wrong.
 */
export const openPolicy = async ({ pictureBytes = 64 * 2 ** 20, pipelined = "off", ...others }: OpenPolicyOptions): Promise<OpenPolicy> => {
  if (others.keepFreedMemory !== false) keepFreedMemory();
  const names = pipelined === "rollouts" ? ["policy", "sampler"] : ["policy"];
  const options: PolicyOptions = { ...others, spinning: names.length === 1 };
  const starting = names.map((name) => startThread<PolicyService, PolicyHello>(new URL("./policy-worker.mjs", import.meta.url), { name, workerData: options }));
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
  const own = sampler === undefined ? null : ownWeightsRollout(policy.caller, sampler.caller, createPictureSender(pictureBytes));
  let closing: Promise<void> | null = null;
  return {
    learner: own === null ? learner : watched(learner, own.weightsChange),
    rollout: own?.rollout ?? remoteRollout(policy.caller, sender),
    processor: promptProcessor(processor.value, options.pictures),
    close: () => (closing ??= Promise.all(threads.map(closeThread)).then(() => undefined)),
  };
};

type PolicyThread = ServiceThread<PolicyService, PolicyHello>;

/** The same in the calling thread, which is blocked while the model computes: for tests and small tools. */
export const openPolicyInProcess = async (options: PolicyOptions): Promise<OpenPolicy> => {
  if (options.keepFreedMemory !== false) keepFreedMemory();
  const processor = await loadProcessor(options.folder);
  const { learner, rollout, close } = await loadPolicyParts(options);
  let closing: Promise<void> | null = null;
  return { learner, rollout, processor: promptProcessor(processor, options.pictures), close: () => (closing ??= close()) };
};

/** Whoever opens a policy computes a loss of it, most likely: what that needs is loaded while the threads start. */
const loadProcessor = async (folder: string): Promise<Processor> => (await Promise.all([Processor.load(folder), import("../math/backend.ts")]))[0];

/** A thread that is dead already needs no closing. */
const closeThread = async ({ caller, terminate, ended }: PolicyThread): Promise<void> => {
  try {
    await Promise.race([ended, caller.call("close", null)]);
  } finally {
    caller.fail(() => new Error("The policy is closed"));
    await terminate();
  }
};
