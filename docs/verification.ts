/** Writes docs/verification.md: what the verifier, math-verify and mathruler say of the same answers. `node --import tsx docs/verification.ts` */
import { readFileSync, writeFileSync } from "node:fs";
import { verifyAnswer } from "@papo/plugins";
import type { Case } from "../test/golden/verify-case.ts";

const at = (path: string): URL => new URL(path, import.meta.url);
const cases = JSON.parse(readFileSync(at("../test/golden/cases/verify.json"), "utf8")) as readonly Case[];
const here = (one: Case): number => Number(verifyAnswer(one.gold, one.response).outcome === "right");
const judges = [["here", here], ["math-verify 0.9.0", (one: Case) => one.math_verify], ["mathruler 0.1.0", (one: Case) => one.mathruler]] as const;

/** "accepted wrongly / rejected wrongly"; nothing where there is neither. */
function mistakes(of: readonly Case[], judge: (one: Case) => number): string {
  const [accepted, rejected] = [of.filter((one) => judge(one) === 1 && one.expected === 0), of.filter((one) => judge(one) === 0 && one.expected === 1)];
  return accepted.length + rejected.length === 0 ? "" : `${accepted.length} / ${rejected.length}`;
}

const kinds = [...new Set(cases.map(({ kind }) => kind))];
const rows = kinds.map((kind) => {
  const own = cases.filter((one) => one.kind === kind);
  return `| ${kind} | ${own.length} | ${judges.map(([, judge]) => mistakes(own, judge)).join(" | ")} |`;
});
const total = `| all | ${cases.length} | ${judges.map(([, judge]) => `${cases.filter((one) => judge(one) === one.expected).length} right`).join(" | ")} |`;

const answerOf = ({ response }: Case): string => /\$\\boxed\{(.*)\}\$/s.exec(response)![1]!;
const shown = new Set<string>();
const examples = cases.filter((one) => one.math_verify !== one.expected || one.mathruler !== one.expected).flatMap((one) => {
  const key = `${one.kind} ${one.math_verify} ${one.mathruler} ${one.expected}`;
  if (shown.has(key)) return [];
  shown.add(key);
  const verdict = (value: number): string => (value === 1 ? "same" : "other");
  return [`| \`${one.gold}\` | \`${answerOf(one).replaceAll("|", "\\|")}\` | ${verdict(one.expected)} | ${verdict(one.math_verify)} | ${verdict(one.mathruler)} |`];
});

const file = at("./verification.md");
const text = readFileSync(file, "utf8");
const between = (name: string, lines: readonly string[], whole: string): string => whole.replace(new RegExp(`(<!-- ${name} -->\\n)[\\s\\S]*?(<!-- end -->)`), (_, start: string, end: string) => `${start}${lines.join("\n")}\n${end}`);
writeFileSync(file, between("examples", ["| gold | answer | by construction | math-verify | mathruler |", "|---|---|---|---|---|", ...examples], between("kinds", [`| kind | answers | ${judges.map(([name]) => name).join(" | ")} |`, "|---|---|---|---|---|", ...rows, total], text)));
