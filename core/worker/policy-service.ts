/** The policy's methods as they cross the thread boundary, served on one side and dressed as ports on the other. */
import type { Products } from "../graph/executor.ts";
import type {
  Learner,
  LearnerBatch,
  LearnerCapabilities,
  Output,
  Outputs,
  SavedContent,
  StepReport,
} from "../learner/learner.ts";
import type { EncodedPrompt } from "../model/model.ts";
import type { EncodedPicture } from "../model/processing/picture.ts";
import type { GeneratedResponse, RolloutEngine, RolloutRequest, SamplingSettings } from "../rollout/engine.ts";
import { packBatch, unpackBatch, type WireBatch } from "./batch-wire.ts";
import { createPictureReceiver, exact, type PictureSender, type WirePrompts } from "./picture-wire.ts";
import type { Caller, Handlers, Method, Moved, TransferListItem } from "./rpc.ts";
import { TurnAnswers, TurnQuestions, type WireAnswer, type WireQuestion } from "./turn-questions.ts";

/** What one thread holds: a learner and a sampler on the same weights. */
export interface PolicyParts {
  readonly learner: Learner;
  readonly rollout: RolloutEngine;
  readonly weights: WeightCopies;
  /** Frees what is held outside of JavaScript's heap. */
  readonly close: () => Promise<void>;
}

/** The current trained weights by name, on their way from one model to another of the same shape. */
export interface WeightCopies {
  read(): Readonly<Record<string, Float32Array>>;
  write(arrays: Readonly<Record<string, Float32Array>>): void;
}

/** What the worker says when it is ready. */
export interface PolicyHello {
  readonly version: Learner["version"];
  readonly capabilities: LearnerCapabilities;
  /** Of the sampler: see RolloutEngine. */
  readonly turns: boolean;
}

interface WireRollout {
  readonly prompts: WirePrompts;
  readonly requests: readonly Omit<RolloutRequest, "prompt">[];
  readonly sampling: SamplingSettings;
  /** Whether turns that end are asked about. */
  readonly turns: boolean;
}

/** What sampling sends while it is on. */
type WireSampled = { readonly response: GeneratedResponse } | WireQuestion;

/** Every method answers with the learner's version beside its result, so that the near side always knows it. */
interface Versioned<Result> {
  readonly version: number;
  readonly result: Result;
}

export type PolicyService = {
  readonly score: Method<
    { batch: WireBatch; outputs: readonly Output[]; weights?: string; products?: Products },
    Versioned<Outputs>
  >;
  readonly backward: Method<{ batch: WireBatch; cotangents: Outputs }, Versioned<Outputs>>;
  readonly attention: Method<{ picture: EncodedPicture; weights?: string }, Versioned<Float32Array>>;
  readonly step: Method<{ learningRate: number }, Versioned<StepReport>>;
  readonly keep: Method<{ name: string; decay: number }, Versioned<null>>;
  readonly teach: Method<{ name: string; folder: string }, Versioned<null>>;
  readonly digest: Method<null, Versioned<string>>;
  readonly save: Method<{ folder: string; content?: SavedContent }, Versioned<null>>;
  readonly load: Method<{ folder: string }, Versioned<null>>;
  readonly readWeights: Method<null, Versioned<Readonly<Record<string, Float32Array>>>>;
  readonly writeWeights: Method<Readonly<Record<string, Float32Array>>, Versioned<null>>;
  readonly generate: Method<WireRollout, Versioned<null>, WireSampled>;
  /** Answers what a sampling that is on asks. */
  readonly goOn: Method<WireAnswer, Versioned<null>>;
  /** Ends the sampling that is on, or waits, at once. */
  readonly giveUp: Method<null, Versioned<null>>;
  readonly close: Method<null, Versioned<null>>;
};

/** Handlers that run a policy's methods. */
export const policyHandlers = ({ learner, rollout, weights: copies, close }: PolicyParts): Handlers<PolicyService> => {
  const receiver = createPictureReceiver();
  /** Of each sampling that is on or waits. */
  const sampled = new Set<AbortController>();
  const questions = new TurnQuestions(receiver);
  const reply = <Result>(result: Result, transfer: TransferListItem[] = []): Moved<Versioned<Result>> => ({
    value: { version: learner.version, result },
    transfer,
  });
  const arrays = (outputs: Outputs): Moved<Versioned<Outputs>> => reply(outputs, buffersOf(Object.values(outputs)));
  return {
    score: ({ batch, outputs, weights, products }) => {
      const unpacked = unpackBatch(batch, receiver);
      return async () => arrays(await learner.score(unpacked, outputs, weights, products));
    },
    backward: ({ batch, cotangents }) => {
      const unpacked = unpackBatch(batch, receiver);
      return async () => arrays(await learner.backward(unpacked, cotangents));
    },
    attention:
      ({ picture, weights }) =>
      async () => {
        if (learner.attention === undefined) throw new Error("This learner gives no attention of its vision tower");
        return reply(await learner.attention(picture, weights));
      },
    step: (options) => async () => reply(await learner.step(options)),
    keep:
      ({ name, decay }) =>
      async () =>
        reply(await nothing(learner.keep(name, decay))),
    teach:
      ({ name, folder }) =>
      async () => {
        if (learner.teach === undefined) throw new Error("This learner opens no other folders");
        return reply(await nothing(learner.teach(name, folder)));
      },
    digest: () => async () => {
      if (learner.digest === undefined) throw new Error("This learner gives no digest of its weights");
      return reply(await learner.digest());
    },
    save:
      ({ folder, content }) =>
      async () =>
        reply(await nothing(learner.save(folder, content))),
    load:
      ({ folder }) =>
      async () =>
        reply(await nothing(learner.load(folder))),
    readWeights: () => async () => {
      const arrays = copies.read();
      return reply(arrays, buffersOf(Object.values(arrays)));
    },
    writeWeights: (arrays) => async () => {
      copies.write(arrays);
      return reply(null);
    },
    generate: ({ prompts, requests, sampling, turns }) => {
      const unpacked = receiver.unpack(prompts);
      const giveUp = new AbortController();
      sampled.add(giveUp);
      return async (emit) => {
        const emitResponse = (response: GeneratedResponse) =>
          emit({
            value: { response },
            transfer: buffersOf([response.tokens, response.logProbs, response.behaviourLogProbs]),
          });
        const goOn = questions.asker((question) => emit({ value: question }));
        const whole = requests.map((request, index) => ({ ...request, prompt: unpacked[index]! }));
        try {
          return reply(
            await nothing(
              rollout.generate(whole, sampling, emitResponse, { giveUp: giveUp.signal, ...(turns ? { goOn } : {}) }),
            ),
          );
        } finally {
          sampled.delete(giveUp);
        }
      };
    },
    // When they arrive, not in their turn.
    goOn: (answer) => {
      questions.answered(answer);
      return () => Promise.resolve(reply(null));
    },
    giveUp: () => {
      for (const controller of sampled) controller.abort();
      questions.giveUp();
      return () => Promise.resolve(reply(null));
    },
    close: () => async () => reply(await nothing(close())),
  };
};

/** The learner of a policy in another thread. */
export const remoteLearner = (caller: Caller<PolicyService>, sender: PictureSender, hello: PolicyHello): Learner => {
  let { version } = hello;
  const noted = async <Result>(answer: Promise<Versioned<Result>>): Promise<Result> => {
    const { version: current, result } = await answer;
    version = current;
    return result;
  };
  const pack = (batch: LearnerBatch): WireBatch => packBatch(batch, sender);
  return {
    capabilities: hello.capabilities,
    get version() {
      return version;
    },
    score: (batch, outputs, weights, products) =>
      noted(
        caller.call("score", {
          batch: pack(batch),
          outputs,
          ...(weights === undefined ? {} : { weights }),
          ...(products === undefined ? {} : { products }),
        }),
      ),
    backward: (batch, cotangents) =>
      noted(caller.call("backward", { batch: pack(batch), cotangents: exactOutputs(cotangents) })),
    ...(hello.capabilities.attention
      ? {
          attention: (picture, weights) =>
            noted(caller.call("attention", { picture, ...(weights === undefined ? {} : { weights }) })),
        }
      : {}),
    step: ({ learningRate }) => noted(caller.call("step", { learningRate })),
    keep: async (name, decay = 0) => void (await noted(caller.call("keep", { name, decay }))),
    ...(hello.capabilities.teachers === true
      ? { teach: async (name, folder) => void (await noted(caller.call("teach", { name, folder }))) }
      : {}),
    digest: async () => noted(caller.call("digest", null)),
    save: async (folder, content) =>
      void (await noted(caller.call("save", { folder, ...(content === undefined ? {} : { content }) }))),
    load: async (folder) => void (await noted(caller.call("load", { folder }))),
  };
};

/** The sampler of a policy in another thread. */
export const remoteRollout = (caller: Caller<PolicyService>, sender: PictureSender, turns: boolean): RolloutEngine => ({
  turns,
  generate: async (requests, sampling, onResponse, { giveUp, goOn } = {}) => {
    giveUp?.throwIfAborted();
    const prompts: EncodedPrompt[] = requests.map(({ prompt }) => prompt);
    const wire = requests.map(({ count, keys }) => ({ count, keys }));
    const answers = goOn === undefined ? null : new TurnAnswers(goOn, sender);
    const onItem = (item: WireSampled): void => {
      if ("response" in item) return onResponse(item.response);
      // A call that fails because the thread is gone fails the sampling too.
      void answers
        ?.to(item)
        .then((answer) => caller.call("goOn", answer))
        .catch(() => undefined);
    };
    const call = caller.call(
      "generate",
      { prompts: sender.pack(prompts), requests: wire, sampling, turns: answers !== null },
      { onItem },
    );
    const onGiveUp = (): void => void caller.call("giveUp", null).catch(() => undefined);
    giveUp?.addEventListener("abort", onGiveUp, { once: true });
    try {
      await call;
    } catch (error) {
      throw answers !== null && answers.failures.length > 0 ? answers.failures[0] : error;
    } finally {
      giveUp?.removeEventListener("abort", onGiveUp);
    }
  },
});

/**
 * The sampler of a policy in a thread of its own, which takes the learner's weights where they may have changed. The
 * calls for them are made when `generate` is called, and the learner's thread answers in order: it gives the weights of
 * that moment, whatever is asked of it next.
 */
export const ownWeightsRollout = (
  learner: Caller<PolicyService>,
  sampler: Caller<PolicyService>,
  sender: PictureSender,
  turns: boolean,
): { readonly rollout: RolloutEngine; readonly weightsChange: () => void } => {
  const sampling = remoteRollout(sampler, sender, turns);
  // Both read the same files.
  let changed = false;
  const bring = async (): Promise<void> => {
    const { result } = await learner.call("readWeights", null);
    await sampler.call("writeWeights", result, { transfer: buffersOf(Object.values(result)) });
  };
  let brought = Promise.resolve();
  return {
    weightsChange: () => (changed = true),
    rollout: {
      ownWeights: true,
      turns,
      generate: async (...request) => {
        if (changed) brought = bring();
        changed = false;
        await brought;
        await sampling.generate(...request);
      },
    },
  };
};

/** A learner that says when its weights are about to change. */
export const watched = (learner: Learner, weightsChange: () => void): Learner => ({
  ...learner,
  get version() {
    return learner.version;
  },
  step: (options) => {
    weightsChange();
    return learner.step(options);
  },
  load: (folder) => {
    weightsChange();
    return learner.load(folder);
  },
});

const nothing = async (done: Promise<void>): Promise<null> => {
  await done;
  return null;
};

/** The distinct buffers of arrays that are whole buffers; parts of larger ones are copied instead of moved. */
const buffersOf = (arrays: readonly (Float32Array | Int32Array | undefined)[]): ArrayBuffer[] => {
  const buffers = new Set<ArrayBuffer>();
  for (const array of arrays) {
    if (array !== undefined && array.buffer instanceof ArrayBuffer && array.byteLength === array.buffer.byteLength)
      buffers.add(array.buffer);
  }
  return [...buffers];
};

const exactOutputs = (outputs: Outputs): Outputs =>
  Object.fromEntries(Object.entries(outputs).map(([name, array]) => [name, exact(array)]));
