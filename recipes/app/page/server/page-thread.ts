/** The page of a run that trains in this process, in a thread of its own: the page answers while the run computes. */
import { parentPort, workerData } from "node:worker_threads";
import type { Action } from "../../run-control.ts";
import { servePage } from "./serve.ts";
import { WatchedRuns } from "./watched-runs.ts";

export interface PageThreadData {
  readonly folder: string;
  readonly title: string;
  readonly port: number | null;
  readonly token: string;
}

/** What the thread says: where it serves, why it does not, or what the page wants. */
export type PageThreadMessage = { readonly ready: string } | { readonly failed: string } | { readonly action: Action };

const { folder, title, port, token } = workerData as PageThreadData;
const say = (message: PageThreadMessage): void => parentPort!.postMessage(message);

try {
  const { address } = await servePage({
    runs: new WatchedRuns([folder]),
    title,
    port,
    token,
    control: async (_, action) => {
      say({ action });
      return null;
    },
  });
  say({ ready: address });
} catch (error) {
  say({ failed: (error as Error).message });
}
