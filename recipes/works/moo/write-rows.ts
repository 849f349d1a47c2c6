/**
 * Mixture of Opinions (MoO, arXiv:2502.19622), the data: what weaker models think of a question stands before it, in
 * training and when it is asked afterwards. The weaker models here are the two shipped ones, as they are; put your own
 * folders into `weaker`, and your rows in place of those of the embedded task.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { evaluate, learnerSettings, openJsonl, openPolicy, parseSettings, type Row } from "@papo/core";
import { startModel } from "@papo/recipes";
import { shippedStart, taskOf } from "../../app/tasks/task.ts";
import { isScript, rowsFolder } from "../drawn-rows.ts";

const weaker = [startModel, shippedStart];

/**
 * A response in words alone: "<think> red 2 , circle 3 ; 2 + 3 = 5 </think> \boxed{ 5 }" is
 * "red 2 , circle 3 ; 2 + 3 = 5 5".
 */
export const opinionOf = (response: string): string =>
  response
    .replace(/<[^>]*>|\\boxed\{|\}/g, " ")
    .replace(/\s+/g, " ")
    .trim() || "none";

/** "? 4 ; ? red 2 , circle 3 ; 2 + 3 = 5 5 ; how many red plus circle ?" */
export const withOpinions = (question: string, opinions: readonly string[]): string =>
  [...opinions.map((opinion) => `? ${opinion}`), question].join(" ; ");

/** What a model says greedily of each row, in order. */
export async function opinionsOf(model: string, rows: readonly Row[]): Promise<string[]> {
  const policy = await openPolicy({ folder: model, ...learnerSettings(parseSettings()) });
  try {
    const samples = await evaluate({ policy, rows, scorers: [], promptsPerChunk: 64, sampling: { maxNewTokens: 32 } });
    return samples.map(({ response }) => opinionOf(response.text));
  } finally {
    await policy.close();
  }
}

/**
 * Lines of rows as they are asked with opinions.
 * @param said opinions of each row
 * @param both each row without opinions, too
 */
export function linesWith(lines: readonly string[], said: readonly (readonly string[])[], both: boolean): string[] {
  return lines.flatMap((line, index) => {
    const row = JSON.parse(line) as { readonly id: string; readonly prompt: string };
    const given = { ...row, prompt: withOpinions(row.prompt, said[index]!), opinions: "given" };
    const all = both ? [given, { ...row, id: `${row.id}-alone`, opinions: "none" }] : [given];
    return all.map((one) => JSON.stringify(one));
  });
}

/** opinions.jsonl beside rows.jsonl. */
async function addOpinions(file: string, both: boolean): Promise<void> {
  const dataset = await openJsonl(file);
  const rows = await Promise.all(Array.from({ length: dataset.size }, async (_, index) => dataset.row(index)));
  const byModel: string[][] = [];
  for (const model of weaker) byModel.push(await opinionsOf(model, rows));
  const lines = readFileSync(file, "utf8").trim().split("\n");
  const said = lines.map((_, index) => byModel.map((own) => own[index]!));
  writeFileSync(join(dirname(file), "opinions.jsonl"), `${linesWith(lines, said, both).join("\n")}\n`);
}

if (isScript(import.meta.url)) {
  const task = taskOf({ task: "shapes", strength: undefined });
  for (const [split, count] of [
    ["train", 640],
    ["test", 200],
  ] as const) {
    const file = await task.writeRows(join(rowsFolder("moo"), split), { split, seed: 21, count });
    await addOpinions(file, split === "test");
  }
}
