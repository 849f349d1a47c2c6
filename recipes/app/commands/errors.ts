/** `papo errors`: what went wrong in an evaluation's wrong answers, by rule and by a judge model. */
import { join, resolve } from "node:path";
import { lockFolder, writeFileAtomic } from "@papo/core";
import { askChat, type ChatServer } from "@papo/plugins";
import { command } from "../command-line/command.ts";
import { percentInterval } from "../display/format.ts";
import type { Display } from "../display/display.ts";
import { agreementOn, defaultRubric, readRubric, sortErrors, type Agreement, type Ask } from "../evaluation/errors.ts";
import { evaluationFolder, readQuestions } from "../evaluation/question.ts";
import { scoresOf } from "../evaluation/scores.ts";

/** Seconds for one verdict, tries and waiting included. */
const patience = 180;

export const errors = command({
  name: "errors",
  forms: ["<evaluation or run folder>"],
  summary: [
    "Sort the wrong answers of an evaluation: perception, reasoning, calculation, inconsistency, format. What a rule has said already stays; the rest is asked of a judge model, or counted as unsorted without one.",
    "Verdicts go to the folder's errors.jsonl, which reports and `papo eval --compare` read; started again, it goes on with what is missing.",
  ],
  options: {
    url: { kind: "text", value: "<http://…/v1/chat/completions>", text: "The judge's server." },
    model: { kind: "text", value: "<name>", text: "The judge's name there." },
    labelled: {
      kind: "text",
      value: "<labelled.jsonl>",
      text: "Lines of { question, answer, response, label, images } by people: how far the judge agrees with them is printed and written to agreement.json.",
    },
    rubric: {
      kind: "text",
      value: "<rubric.json>",
      text: "Classes and prompt as JSON, recipes/app/evaluation/error-rubric.json without it.",
    },
    "key-variable": { kind: "text", value: "<NAME>", text: "The environment variable that holds the server's key." },
    together: { kind: "count", default: 8, text: "Questions to the judge at one time." },
    retries: { kind: "count", default: 3, text: "Tries after one that failed." },
    "text-only": { kind: "flag", text: "Send no pictures." },
  },
  positionals: [1, 1],
  async run({ values, positionals: [given], display }) {
    const { url, model } = values;
    if ((url === undefined) !== (model === undefined))
      throw new Error(
        `a judge needs --url and --model, ${url === undefined ? "--url" : "--model"} is missing; without both, answers are sorted by rule alone`,
      );
    const folder = evaluationFolder(given!);
    const lock = lockFolder(folder);
    try {
      if (url !== undefined && model !== undefined) {
        const server: ChatServer = {
          url,
          model,
          headers: {},
          retries: values.retries,
          timeoutSeconds: patience,
          keyVariable: values["key-variable"] ?? null,
          temperature: 0,
          maxTokens: 512,
        };
        const ask: Ask = (prompt, pictures) =>
          askChat(server, prompt, AbortSignal.timeout(1000 * patience), values["text-only"] ? [] : pictures);
        await askJudge(
          folder,
          { model, ask, together: values.together, rubric: values.rubric, labelled: values.labelled },
          display,
        );
      } else if (values.labelled !== undefined || values.rubric !== undefined) {
        throw new Error(
          `--${values.labelled === undefined ? "rubric" : "labelled"} is about a judge model: give --url and --model`,
        );
      } else {
        display.result(classLines(folder).join("\n"));
        display.line("sorted by rule alone; what is unsorted takes a judge: --url and --model");
      }
    } finally {
      lock.release();
    }
  },
});

interface Asking {
  readonly model: string;
  readonly ask: Ask;
  readonly together: number;
  /** Files, where they are given. */
  readonly rubric: string | undefined;
  readonly labelled: string | undefined;
}

/** @throws Error when an answer is left without a verdict */
async function askJudge(
  folder: string,
  { model, ask, together, rubric: rubricFile, labelled }: Asking,
  display: Display,
): Promise<void> {
  const rubric = readRubric(rubricFile === undefined ? defaultRubric : resolve(rubricFile));
  if (labelled !== undefined) {
    const agreement = await agreementOn(resolve(labelled), rubric, ask, together);
    writeFileAtomic(join(folder, "agreement.json"), `${JSON.stringify({ model, ...agreement }, null, 1)}\n`);
    display.result(agreementLines(agreement).join("\n"), { ...agreement });
  }
  const questions = readQuestions(join(folder, "questions.jsonl"));
  const phase = display.phase("sorting wrong answers");
  const { asked, failed, withoutPicture } = await sortErrors({
    folder,
    questions,
    rubric,
    ask,
    together,
    onProgress: (done) => phase.advance(done),
  });
  phase.end();
  display.line(
    `${asked} wrong answers asked about${withoutPicture > 0 ? `, ${withoutPicture} of them without a picture to show` : ""}`,
  );
  for (const message of failed.slice(0, 10)) display.line(`  no verdict: ${message}`);
  display.result(classLines(folder).join("\n"));
  if (failed.length > 0)
    throw new Error(`${failed.length} of ${asked} answers have no verdict; started again, only those are asked about`);
}

/** Right answers, then each class of errors, as shares of all answers. */
function classLines(folder: string): string[] {
  const questions = readQuestions(join(folder, "questions.jsonl"));
  const { average, errors: classes } = scoresOf(questions, []);
  const answers = questions.reduce((sum, question) => sum + question.answers.length, 0);
  return [
    `${answers} answers to ${questions.length} questions, right  ${percentInterval(average)}`,
    ...Object.entries(classes).map(([name, share]) => `${name}  ${percentInterval(share)} of all answers`),
  ];
}

function agreementLines({ labelled, failed, agreement, kappa, confusion }: Agreement): string[] {
  return [
    `the judge agrees with ${percentInterval(agreement)} of ${labelled - failed.length} labelled answers, kappa ${kappa.toFixed(2)}${failed.length > 0 ? `; of ${failed.length} more it said nothing usable` : ""}`,
    ...Object.entries(confusion).flatMap(([label, judged]) => {
      const told = Object.entries(judged).filter(([, count]) => count > 0);
      return told.length === 0
        ? []
        : [`  labelled ${label}: ${told.map(([name, count]) => `${name} ${count}`).join(", ")}`];
    }),
  ];
}
