/** Verifies in a thread that can be killed; started by verify-worker.mjs. Answers come in the order of the questions. */
import { parentPort } from "node:worker_threads";
import type { Question } from "./verifier.ts";
import { choicesOf, verifyChoice } from "./choices.ts";
import { verifyAnswer } from "./verify.ts";

parentPort!.on("message", ({ gold, response, choices: given }: Question) => {
  const choices = choicesOf(given);
  parentPort!.postMessage(choices === null ? verifyAnswer(gold, response) : verifyChoice(gold, response, choices));
});
parentPort!.postMessage("ready");
