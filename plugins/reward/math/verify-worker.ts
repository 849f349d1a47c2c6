/** Verifies in a thread that can be killed; started by verify-worker.mjs. Answers come in the order of the questions. */
import { parentPort } from "node:worker_threads";
import type { Question } from "./verifier.ts";
import { verifyAnswer } from "./verify.ts";

parentPort!.on("message", ({ gold, response }: Question) => parentPort!.postMessage(verifyAnswer(gold, response)));
parentPort!.postMessage("ready");
