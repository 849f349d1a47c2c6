/**
 * Writes docs/verification.md: what the verifier, math-verify and mathruler say of the same answers. `node --import tsx
 * docs/scripts/verification.ts`
 */
import { readFileSync, writeFileSync } from "node:fs";
import { verifyAnswer } from "@papo/plugins";
import type { Case } from "../../test/golden/verify-case.ts";

const at = (path: string): URL => new URL(path, import.meta.url);
const read = (name: string): readonly Case[] =>
  JSON.parse(readFileSync(at(`../../test/golden/cases/${name}.json`), "utf8")) as readonly Case[];
const here = ({ gold, response, choices }: Case): number =>
  Number(verifyAnswer(gold, response, choices).outcome === "right");
const judges = [
  ["here", here],
  ["math-verify 0.9.0", (one: Case) => one.math_verify],
  ["mathruler 0.1.0", (one: Case) => one.mathruler],
] as const;

/** "accepted wrongly / rejected wrongly"; nothing where there is neither. */
function mistakes(of: readonly Case[], judge: (one: Case) => number): string {
  const [accepted, rejected] = [
    of.filter((one) => judge(one) === 1 && one.expected === 0),
    of.filter((one) => judge(one) === 0 && one.expected === 1),
  ];
  return accepted.length + rejected.length === 0 ? "" : `${accepted.length} / ${rejected.length}`;
}

function tableOf(cases: readonly Case[]): string[] {
  const kinds = [...new Set(cases.map(({ kind }) => kind))];
  const rows = kinds.map((kind) => {
    const own = cases.filter((one) => one.kind === kind);
    return `| ${kind} | ${own.length} | ${judges.map(([, judge]) => mistakes(own, judge)).join(" | ")} |`;
  });
  const total = `| all | ${cases.length} | ${judges.map(([, judge]) => `${cases.filter((one) => judge(one) === one.expected).length} right`).join(" | ")} |`;
  return [`| kind | answers | ${judges.map(([name]) => name).join(" | ")} |`, "|---|---|---|---|---|", ...rows, total];
}

/** One example of each kind of disagreement. */
function examplesOf(cases: readonly Case[], answerOf: (one: Case) => string): string[] {
  const shown = new Set<string>();
  const code = (text: string): string =>
    `\`${text.replace(/[\0-\x1f]/g, (control) => `⟨${control.charCodeAt(0).toString(16).padStart(2, "0")}⟩`).replaceAll("|", "\\|")}\``;
  const rows = cases
    .filter((one) => one.math_verify !== one.expected || one.mathruler !== one.expected)
    .flatMap((one) => {
      const key = `${one.kind} ${one.math_verify} ${one.mathruler} ${one.expected}`;
      if (shown.has(key)) return [];
      shown.add(key);
      const verdict = (value: number): string => (value === 1 ? "same" : "other");
      return [
        `| ${code(one.gold)} | ${code(answerOf(one))} | ${verdict(one.expected)} | ${verdict(one.math_verify)} | ${verdict(one.mathruler)} |`,
      ];
    });
  return ["| gold | answer | by construction | math-verify | mathruler |", "|---|---|---|---|---|", ...rows];
}

const [answers, responses] = [read("verify"), read("verify-responses")];
const inBox = ({ response }: Case): string => /\$\\boxed\{(.*)\}\$/s.exec(response)![1]!;
const lines = ({ response, choices }: Case): string =>
  response + (choices === undefined ? "" : ` (choices ${JSON.stringify(choices)})`);

const file = at("../verification.md");
const parts: Readonly<Record<string, readonly string[]>> = {
  kinds: tableOf(answers),
  examples: examplesOf(answers, inBox),
  "response kinds": tableOf(responses),
  "response examples": examplesOf(responses, lines),
};
const written = Object.entries(parts).reduce(
  (text, [name, rows]) =>
    text.replace(
      new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`),
      (_, start: string, end: string) => `${start}${rows.join("\n")}\n${end}`,
    ),
  readFileSync(file, "utf8"),
);
writeFileSync(file, written);
