/** `papo report`: one page of runs and evaluations. */
import { basename, resolve } from "node:path";
import { textCommand } from "../command-line/command.ts";
import { readRunFolder } from "../report/read-run.ts";
import { runNames } from "../report/run-names.ts";
import { writeReport } from "../report/write-report.ts";
import { say } from "../display/say.ts";

export const report = textCommand({
  name: "report",
  forms: ["<run or evaluation folder> …"],
  summary: [
    "Write one page of what runs and evaluations left in their folders: curves, what each term of the loss did, every question with each run's answers.",
    "The page needs no network and no other file. Equal recipes with other seeds are drawn together.",
  ],
  options: { output: { kind: "text", value: "<file>", default: "report.html", text: "Where the page goes." } },
  positionals: [1, Infinity],
  async run({ values, positionals }) {
    const names = runNames(positionals);
    const runs = positionals.map((folder, index) => readRunFolder(resolve(folder), names[index]));
    const file = resolve(values.output);
    await writeReport(file, {
      title: positionals.length === 1 ? basename(resolve(positionals[0]!)) : `${positionals.length} runs`,
      runs,
    });
    say(`written to ${file}`);
  },
});
