/** The far side of thread.ts: what a worker's entry file calls. */
import { parentPort } from "node:worker_threads";
import { describeError } from "./remote-error.ts";
import { serve, type Handlers, type Service } from "./rpc.ts";
import type { Greeting } from "./thread.ts";

/** What a worker has when it is ready. */
export interface StartedService<S extends Service, Hello> {
  readonly hello: Hello;
  readonly handlers: Handlers<S>;
}

/**
 * Start a service when the parent thread says with what, and answer its calls; if the start fails, the parent gets the
 * error and the thread ends.
 */
export const serveThread = async <Given, S extends Service, Hello>(
  start: (given: Given) => Promise<StartedService<S, Hello>>,
): Promise<void> => {
  const port = parentPort;
  if (port === null) throw new Error("This file runs in a worker thread only");
  // Its call could never be answered: let the thread die of it, so that the parent's calls reject.
  port.on("messageerror", (error: Error) => {
    throw error;
  });
  const greet = (greeting: Greeting<Hello>) => port.postMessage(greeting);
  const given = await new Promise<Given>((resolve) => port.once("message", resolve));
  // A port without a listener does not keep the thread alive, and there is none until it serves.
  port.ref();
  try {
    const { hello, handlers } = await start(given);
    serve(port, handlers);
    greet({ ready: hello });
  } catch (error) {
    greet({ failed: describeError(error) });
    port.close();
  }
};
