/**
 * Calls over a MessagePort: a small typed protocol with request ids, streamed items and errors that keep their stack
 * and cause. Calls are served one at a time, in the order they were made.
 */
import type { MessagePort, Worker } from "node:worker_threads";
import { describeError, restoreError, type ErrorDescription } from "./remote-error.ts";

/**
 * What messages here move. Node's types call what can be moved by one name or another, as they are older or newer, and
 * beside TypeScript's own types of browsers a MessagePort is another one.
 */
export type TransferListItem = ArrayBuffer | MessagePort;

/** What one method takes, gives, and streams while it runs. */
export interface Method<Request = unknown, Reply = unknown, Item = never> {
  readonly request: Request;
  readonly reply: Reply;
  readonly item: Item;
}

/** A service: methods by name. Declare it as a type, not an interface, so that it has an index signature. */
export type Service = Readonly<Record<string, Method<unknown, unknown, unknown>>>;

/** A value with the buffers that move instead of being copied: their owner must not use them again. */
export interface Moved<Value> {
  readonly value: Value;
  readonly transfer?: readonly TransferListItem[];
}

/**
 * Handlers of a service. The outer function runs when the message arrives and may take what the message carries; what
 * it returns runs when all earlier calls are done.
 */
export type Handlers<S extends Service> = {
  readonly [K in keyof S]: (
    request: S[K]["request"],
  ) => (emit: (item: Moved<S[K]["item"]>) => void) => Promise<Moved<S[K]["reply"]>>;
};

type CallMessage = { readonly id: number; readonly method: string; readonly request: unknown };
type AnswerMessage =
  | { readonly id: number; readonly kind: "item"; readonly value: unknown }
  | { readonly id: number; readonly kind: "reply"; readonly value: unknown }
  | { readonly id: number; readonly kind: "error"; readonly error: ErrorDescription };

/** Either end: a worker's parent port, a worker as its parent sees it, or one port of a channel. */
export type Port = MessagePort | Worker;

/** Answers calls that arrive at `port` with `handlers`. */
export const serve = <S extends Service>(port: Port, handlers: Handlers<S>): void => {
  let previous: Promise<unknown> = Promise.resolve();
  const post = (message: AnswerMessage, transfer: readonly TransferListItem[] = []) =>
    port.postMessage(message, transfer);
  const fail = (id: number, error: unknown) => post({ id, kind: "error", error: describeError(error) });
  port.on("message", ({ id, method, request }: CallMessage) => {
    try {
      const handler = handlers[method];
      if (handler === undefined)
        throw new Error(`No method "${method}" is served here, only ${Object.keys(handlers).join(", ")}`);
      const run = handler(request);
      previous = previous.then(async () => {
        try {
          const reply = await run((item) => post({ id, kind: "item", value: item.value }, item.transfer));
          post({ id, kind: "reply", value: reply.value }, reply.transfer);
        } catch (error) {
          fail(id, error);
        }
      });
    } catch (error) {
      fail(id, error);
    }
  });
};

/** The calling side of a service. */
export interface Caller<S extends Service> {
  /**
   * Call a method; rejects with the handler's error, its stack and cause included, or with the reason given to `fail`.
   * `onItem` gets what the method streams; if it throws, the call rejects with that once the method is done.
   */
  call<K extends keyof S & string>(
    method: K,
    request: S[K]["request"],
    options?: { readonly onItem?: (item: S[K]["item"]) => void; readonly transfer?: readonly TransferListItem[] },
  ): Promise<S[K]["reply"]>;
  /**
   * Rejects all calls that wait for an answer, and every later one. The reason sees the names of the waiting methods.
   */
  fail(reason: (waiting: readonly string[]) => Error): void;
  /** Calls that wait for an answer. */
  readonly waiting: number;
}

interface PendingCall {
  readonly method: string;
  readonly callSite: Error;
  readonly onItem: ((item: unknown) => void) | undefined;
  readonly resolve: (reply: unknown) => void;
  readonly reject: (error: unknown) => void;
  listenerError?: { readonly error: unknown };
}

/** Calls what `serve` answers at the other end of `port`. */
export const connect = <S extends Service>(port: Port): Caller<S> => {
  const pending = new Map<number, PendingCall>();
  let lastId = 0;
  let failure: ((waiting: readonly string[]) => Error) | null = null;

  port.on("message", (message: AnswerMessage) => {
    const call = pending.get(message.id);
    if (call === undefined) return;
    if (message.kind === "item") return deliver(call, message.value);
    pending.delete(message.id);
    if (message.kind === "error") call.reject(restoreError(message.error, call.callSite));
    else if (call.listenerError) call.reject(call.listenerError.error);
    else call.resolve(message.value);
  });

  return {
    call: (method, request, options = {}) =>
      new Promise((resolve, reject) => {
        if (failure !== null) return reject(failure([method]));
        const id = ++lastId;
        const callSite = new Error(`call of "${method}"`);
        const onItem = options.onItem as ((item: unknown) => void) | undefined;
        port.postMessage({ id, method, request } satisfies CallMessage, options.transfer ?? []);
        pending.set(id, { method, callSite, onItem, resolve: resolve, reject });
      }),
    fail: (reason) => {
      failure ??= reason;
      const calls = [...pending.values()];
      pending.clear();
      for (const call of calls) call.reject(reason(calls.map(({ method }) => method)));
    },
    get waiting() {
      return pending.size;
    },
  };
};

/** Hand a streamed item on; after a listener's error the rest of the stream is dropped. */
const deliver = (call: PendingCall, item: unknown): void => {
  if (call.listenerError) return;
  try {
    call.onItem?.(item);
  } catch (error) {
    call.listenerError = { error };
  }
};
