/** Opening a policy: a model folder becomes a learner, a sampler and a processor. */
import { keepFreedMemory } from "../graph/libc.ts";
import { Processor } from "../model/processor.ts";
import type { Policy, TextProcessor } from "../pipeline/policy.ts";
import { createPictureSender } from "./picture-wire.ts";
import { loadPolicyParts, type PolicyOptions } from "./policy-parts.ts";
import { remoteLearner, remoteRollout, type PolicyHello, type PolicyService } from "./policy-service.ts";
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
}

/**
 * Open a policy in a worker thread of its own. Its calls run one at a time, in the order they were made; should the thread die, they
 * and all later ones reject saying so.
 * @throws Error naming the file of the model folder that is missing or wrong.
 */
export const openPolicy = async ({ pictureBytes = 64 * 2 ** 20, ...options }: OpenPolicyOptions): Promise<OpenPolicy> => {
  keepFreedMemory();
  const starting = startThread<PolicyService, PolicyHello>(new URL("./policy-worker.mjs", import.meta.url), { name: "policy", workerData: options });
  const [thread, processor] = await Promise.allSettled([starting, Processor.load(options.folder)]);
  if (thread.status === "rejected") throw thread.reason;
  if (processor.status === "rejected") {
    await thread.value.terminate();
    throw processor.reason;
  }
  const { caller, hello } = thread.value;
  const sender = createPictureSender(pictureBytes);
  let closing: Promise<void> | null = null;
  return {
    learner: remoteLearner(caller, sender, hello),
    rollout: remoteRollout(caller, sender),
    processor: promptProcessor(processor.value),
    close: () => (closing ??= closeThread(thread.value)),
  };
};

/** The same in the calling thread, which is blocked while the model computes: for tests and small tools. */
export const openPolicyInProcess = async (options: PolicyOptions): Promise<OpenPolicy> => {
  keepFreedMemory();
  const processor = await Processor.load(options.folder);
  const { learner, rollout, close } = await loadPolicyParts(options);
  let closing: Promise<void> | null = null;
  return { learner, rollout, processor: promptProcessor(processor), close: () => (closing ??= close()) };
};

/** A thread that is dead already needs no closing. */
const closeThread = async ({ caller, terminate, ended }: ServiceThread<PolicyService, PolicyHello>): Promise<void> => {
  try {
    await Promise.race([ended, caller.call("close", null)]);
  } finally {
    caller.fail(() => new Error("The policy is closed"));
    await terminate();
  }
};
