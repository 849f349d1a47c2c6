/**
 * The page of a run while it trains: served by a thread beside it, found by others through page.json in the run's
 * folder.
 */
import { basename } from "node:path";
import { Worker } from "node:worker_threads";
import type { RunControl } from "../run-control.ts";
import { removePageFile, writePageFile } from "./server/page-file.ts";
import type { PageThreadData, PageThreadMessage } from "./server/page-thread.ts";
import { addressWithToken, newToken } from "./server/serve.ts";
import { complain } from "../display/say.ts";

export interface TrainingPage {
  /** To open: it ends in the token that pausing and stopping need. */
  readonly address: string;
  /**
   * A run in its folder is under way and may be paused and stopped from the page, until the returned function is
   * called.
   */
  offer(run: string): () => void;
  close(): Promise<void>;
}

export interface TrainingPageOptions {
  /** The run's, or a folder of runs, which are offered as they come. */
  readonly folder: string;
  /** Null: the first free one of the usual ones. 0: any. */
  readonly port: number | null;
  readonly control: RunControl;
}

/** @throws Error when the port is taken */
export async function openTrainingPage({ folder, port, control }: TrainingPageOptions): Promise<TrainingPage> {
  const token = newToken();
  const workerData: PageThreadData = { folder, title: basename(folder), port, token };
  const worker = new Worker(new URL("./server/page-thread.mjs", import.meta.url), {
    workerData,
    name: "page",
    execArgv: [],
  });
  const address = await new Promise<string>((resolve, reject) => {
    worker.once("error", reject);
    worker.once("exit", () => reject(new Error("The page's thread ended before it served")));
    worker.on("message", (message: PageThreadMessage) => {
      if ("ready" in message) resolve(message.ready);
      else if ("failed" in message) reject(new Error(`The page cannot be served: ${message.failed}`));
      else control.ask(message.action);
    });
  }).catch(async (error: unknown) => {
    await worker.terminate();
    throw error;
  });
  // A page that dies takes no run with it.
  worker.on("error", (error: Error) => complain(`The page has ended: ${error.message}`));
  const offered = new Set<() => void>();
  return {
    address: addressWithToken(address, token),
    offer: (run) => {
      const write = (): void => writePageFile(run, { address, token, state: control.state });
      write();
      const unfollow = control.follow(write);
      const end = (): void => {
        if (!offered.delete(end)) return;
        unfollow();
        removePageFile(run);
      };
      offered.add(end);
      return end;
    },
    close: async () => {
      for (const end of offered) end();
      await worker.terminate();
    },
  };
}
