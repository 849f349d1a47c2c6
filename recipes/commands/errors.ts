/** `papo errors`: what went wrong in an evaluation's wrong answers, by a judge model. */
import { existsSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { askChat, type ChatServer } from "@papo/plugins";
import type { Command } from "./command.ts";
import { percentInterval } from "../display/format.ts";
import { createDisplay } from "../display/live.ts";
import { agreementOn, defaultRubric, readRubric, sortErrors, type Agreement, type Ask } from "../evaluation/errors.ts";
import { readQuestions } from "../evaluation/question.ts";
import { scoresOf } from "../evaluation/scores.ts";
import { wholeNumber } from "../options.ts";

/** Seconds for one verdict, tries and waiting included. */
const patience = 180;

export const errors: Command = {
  usage: "papo errors <evaluation folder> --url http://…/v1/chat/completions --model <name> [--labelled labelled.jsonl] [--rubric rubric.json]",
  summary: [
    "Sort the wrong answers of an evaluation: perception, reasoning, calculation, inconsistency, format. What a rule has said already stays; the rest is asked of a judge model.",
    "Verdicts go to the folder's errors.jsonl, which reports and papo eval --compare read; started again, it goes on with what is missing.",
    "--labelled: lines of { question, answer, response, label, images } by people; how far the judge agrees with them is printed and written to agreement.json.",
    "--rubric: classes and prompt as JSON (recipes/evaluation/error-rubric.json is the default). Also: --key-variable NAME of the server's key, --together 8, --retries 3, --text-only.",
  ].join("\n"),
  async run(args) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        url: { type: "string" }, model: { type: "string" }, labelled: { type: "string" }, rubric: { type: "string" }, "key-variable": { type: "string" }, together: { type: "string", default: "8" },
        retries: { type: "string", default: "3" }, "text-only": { type: "boolean", default: false },
      },
    });
    const [given] = positionals;
    const { url, model } = values;
    if (given === undefined || positionals.length > 1 || url === undefined || model === undefined) throw new Error(`usage: ${errors.usage}`);
    const folder = resolve(given);
    if (!existsSync(join(folder, "questions.jsonl"))) throw new Error(`${folder} holds no evaluation: papo eval writes questions.jsonl`);
    const rubric = readRubric(values.rubric === undefined ? defaultRubric : resolve(values.rubric));
    const server: ChatServer = { url, model, headers: {}, retries: wholeNumber("--retries", values.retries), keyVariable: values["key-variable"] ?? null, temperature: 0, maxTokens: 512 };
    const ask: Ask = (prompt, pictures) => askChat(server, prompt, AbortSignal.timeout(1000 * patience), values["text-only"] ? [] : pictures);
    const together = wholeNumber("--together", values.together);
    const display = createDisplay();
    try {
      if (values.labelled !== undefined) {
        const agreement = await agreementOn(resolve(values.labelled), rubric, ask, together);
        writeFileSync(join(folder, "agreement.json"), `${JSON.stringify({ model, ...agreement }, null, 1)}\n`);
        for (const line of agreementLines(agreement)) display.line(line);
      }
      const questions = readQuestions(join(folder, "questions.jsonl"));
      const phase = display.phase("sorting wrong answers");
      const { asked, failed, withoutPicture } = await sortErrors({ folder, questions, rubric, ask, together, onProgress: (done) => phase.advance(done) });
      phase.end();
      display.line(`${asked} wrong answers asked about${withoutPicture > 0 ? `, ${withoutPicture} of them without a picture to show` : ""}`);
      for (const message of failed.slice(0, 10)) display.line(`  no verdict: ${message}`);
      for (const [name, share] of Object.entries(scoresOf(readQuestions(join(folder, "questions.jsonl")), []).errors)) display.line(`${name}  ${percentInterval(share)} of all answers`);
      if (failed.length > 0) throw new Error(`${failed.length} of ${asked} answers have no verdict; started again, only those are asked about`);
    } finally {
      display.close();
    }
  },
};

function agreementLines({ labelled, failed, agreement, kappa, confusion }: Agreement): string[] {
  return [
    `the judge agrees with ${percentInterval(agreement)} of ${labelled - failed.length} labelled answers, kappa ${kappa.toFixed(2)}${failed.length > 0 ? `; of ${failed.length} more it said nothing usable` : ""}`,
    ...Object.entries(confusion).flatMap(([label, judged]) => {
      const told = Object.entries(judged).filter(([, count]) => count > 0);
      return told.length === 0 ? [] : [`  labelled ${label}: ${told.map(([name, count]) => `${name} ${count}`).join(", ")}`];
    }),
  ];
}
