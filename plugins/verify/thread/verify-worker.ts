/**
 * Verifies in a thread that can be killed; started by verify-worker.mjs. Answers come in the order of the questions.
 */
import { parentPort } from "node:worker_threads";
import type { FullVerdict, Question } from "./verifier.ts";
import { isConsistent } from "../consistency.ts";
import { isUsableGold, verifyAnswer } from "../verify-answer.ts";
import type { FromThread } from "../../thread/guarded-thread.ts";

parentPort!.on("message", ({ gold, response, choices }: Question) => {
  parentPort!.postMessage({
    answer: {
      ...verifyAnswer(gold, response, choices),
      consistent: isConsistent(response),
      usableGold: isUsableGold(gold, choices),
    },
  } satisfies FromThread<FullVerdict>);
});
parentPort!.postMessage("ready");
