/** `papo verify`: the mathematical verifier on a list of cases. */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { Verifier } from "@papo/plugins";
import { z } from "zod";
import type { Command } from "./command.ts";
import { wholeNumber } from "../options.ts";

const casesSchema = z.array(z.object({ gold: z.coerce.string(), response: z.coerce.string(), choices: z.unknown().optional(), expected: z.union([z.literal(0), z.literal(1), z.boolean().transform(Number)]) }));

const options = { cases: { type: "string" }, limit: { type: "string", default: "1000" } } as const;

export const verify: Command = {
  usage: "papo verify --cases cases.json [--limit 1000]",
  summary: [
    "Verify responses against gold answers: a JSON list of { gold, response, expected: 0 | 1 }, with choices: a list of texts, or texts by letter, where there are some.",
    "Prints every disagreement, then a line of JSON: total, agree, falseAccepts, falseRejects. --limit: milliseconds for one case.",
  ].join("\n"),
  options,
  async run(args) {
    const { values } = parseArgs({ args: [...args], options });
    if (values.cases === undefined) throw new Error(`usage: ${verify.usage}`);
    const cases = readCases(values.cases);
    const verifier = new Verifier({ limit: wholeNumber("--limit", values.limit) });
    const counts = { total: cases.length, agree: 0, falseAccepts: 0, falseRejects: 0 };
    const verdicts = cases.map(({ gold, response, choices }) => verifier.verify(gold, response, choices));
    for (const [index, { gold, expected }] of cases.entries()) {
      const { outcome, found } = await verdicts[index]!;
      const accepted = outcome === "right";
      if (accepted === (expected === 1)) counts.agree++;
      else {
        counts[accepted ? "falseAccepts" : "falseRejects"]++;
        console.log(`case ${index}: ${accepted ? "accepted" : `rejected (${outcome})`}, expected ${expected}; gold ${shown(gold)}, answer ${found === null ? "none" : shown(found)}`);
      }
    }
    await verifier.close();
    console.log(JSON.stringify(counts));
  },
};

/** @throws Error naming the file and the place at fault */
function readCases(file: string): z.output<typeof casesSchema> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`--cases ${file} cannot be read as JSON: ${(error as Error).message}`, { cause: error });
  }
  const parsed = casesSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw new Error(`--cases ${file} is no list of { gold, response, expected: 0 | 1 }: ${issue!.path.join(".") || "the whole"}: ${issue!.message}`);
}

const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
