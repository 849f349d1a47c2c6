/** Scores in a thread that can be killed; started by score-worker.mjs. Answers come in the order of the questions. */
import { parentPort } from "node:worker_threads";
import type { Scored } from "@papo/core";
import { importModule } from "@papo/core/import-module";
import type { FromThread } from "../../thread/guarded-thread.ts";
import type { Score, ScoreQuestion } from "./scoring.ts";

async function answer({ module, name, options, sample }: ScoreQuestion): Promise<FromThread<Scored>> {
  try {
    const score = ((await importModule(new URL(module), import.meta.url)) as Record<string, Score | undefined>)[name];
    if (typeof score !== "function") throw new Error(`${module} exports no function "${name}"`);
    // What it took to load the module is not the response's.
    parentPort!.postMessage("working" satisfies FromThread<never>);
    return { answer: await score(sample, options as never) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : String(error) };
  }
}

let last: Promise<void> = Promise.resolve();
parentPort!.on("message", (question: ScoreQuestion) => {
  last = last.then(async () => parentPort!.postMessage(await answer(question)));
});
parentPort!.postMessage("ready");
