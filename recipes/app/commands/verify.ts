/** `papo verify`: the mathematical verifier on a list of cases. */
import { faultsOf, readJsonFile } from "@papo/core";
import { Verifier } from "@papo/plugins";
import { z } from "zod";
import { textCommand } from "../command-line/command.ts";
import { say } from "../display/say.ts";

const casesSchema = z.array(
  z.object({
    gold: z.coerce.string(),
    response: z.coerce.string(),
    choices: z.unknown().optional(),
    expected: z.union([z.literal(0), z.literal(1), z.boolean().transform(Number)]),
  }),
);

export const verify = textCommand({
  name: "verify",
  forms: [""],
  summary: [
    "Verify responses against gold answers.",
    "Prints every disagreement, then a line of JSON: total, agree, falseAccepts, falseRejects.",
  ],
  options: {
    cases: {
      kind: "text",
      value: "<cases.json>",
      required: true,
      text: "A JSON list of { gold, response, expected: 0 | 1 }, with choices: a list of texts, or texts by letter, where there are some.",
    },
    limit: { kind: "count", value: "<milliseconds>", default: 1000, text: "Time for one case." },
  },
  positionals: [0, 0],
  async run({ values }) {
    const cases = readCases(values.cases);
    const verifier = new Verifier({ limit: values.limit });
    const counts = { total: cases.length, agree: 0, falseAccepts: 0, falseRejects: 0 };
    const verdicts = cases.map(({ gold, response, choices }) => verifier.verify(gold, response, choices));
    for (const [index, { gold, expected }] of cases.entries()) {
      const { outcome, found } = await verdicts[index]!;
      const accepted = outcome === "right";
      if (accepted === (expected === 1)) counts.agree++;
      else {
        counts[accepted ? "falseAccepts" : "falseRejects"]++;
        say(
          `case ${index}: ${accepted ? "accepted" : `rejected (${outcome})`}, expected ${expected}; gold ${shown(gold)}, answer ${found === null ? "none" : shown(found)}`,
        );
      }
    }
    await verifier.close();
    say(JSON.stringify(counts));
  },
});

/** @throws Error naming the file and the place at fault */
export function readCases(file: string): z.output<typeof casesSchema> {
  const content = readJsonFile(file, z.unknown(), "--cases takes a list of { gold, response, expected: 0 | 1 }");
  const parsed = casesSchema.safeParse(content);
  if (parsed.success) return parsed.data;
  throw new Error(
    `--cases ${file} is no list of { gold, response, expected: 0 | 1 }: ${faultsOf(parsed.error, content)}`,
  );
}

const shown = (text: string): string => JSON.stringify(text.length > 120 ? `${text.slice(0, 120)}…` : text);
