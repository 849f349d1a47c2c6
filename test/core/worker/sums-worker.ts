/** A small service in a thread, for the tests of rpc.ts and thread.ts. */
import { setTimeout as sleep } from "node:timers/promises";
import { isMainThread } from "node:worker_threads";
import type { Handlers, Method } from "../../../core/worker/rpc.ts";
import { serveThread } from "../../../core/worker/serve-thread.ts";

export type SumsService = {
  readonly add: Method<{ a: number; b: number; delay?: number }, number>;
  readonly log: Method<null, readonly string[]>;
  readonly double: Method<Float32Array, Float32Array>;
  readonly count: Method<number, string, Float32Array>;
  readonly fail: Method<string, never>;
  readonly die: Method<"exit" | "throw" | "memory", never>;
};

const log: string[] = [];

export const sumsHandlers: Handlers<SumsService> = {
  add: ({ a, b, delay = 0 }) => {
    log.push(`arrived ${a}+${b}`);
    return async () => {
      log.push(`started ${a}+${b}`);
      await sleep(delay);
      log.push(`done ${a}+${b}`);
      return { value: a + b };
    };
  },
  log: () => async () => ({ value: log }),
  double: (array) => async () => {
    const value = array.map((entry) => 2 * entry);
    return { value, transfer: [value.buffer] };
  },
  count: (upTo) => async (emit) => {
    for (let index = 0; index < upTo; index++) emit({ value: Float32Array.of(index) });
    return { value: "counted" };
  },
  fail: (message) => async () => {
    const cause = Object.assign(new RangeError("the root"), { code: "E_ROOT" });
    throw new TypeError(message, { cause });
  },
  die: (how) => async () => {
    if (how === "exit") process.exit(7);
    if (how === "throw")
      setImmediate(() => {
        throw new Error("thrown outside of any call");
      });
    const hoard: unknown[] = [];
    while (how === "memory") hoard.push(Array.from({ length: 10_000 }, (_, index) => ({ index })));
    return sleep(10_000).then(() => ({ value: undefined as never }));
  },
};

if (!isMainThread) {
  await serveThread<{ readonly refuse?: string }, SumsService, { greeting: string }>(async ({ refuse }) => {
    if (refuse !== undefined) throw new RangeError(refuse, { cause: new Error("deeper") });
    return { hello: { greeting: "ready" }, handlers: sumsHandlers };
  });
}
