import { describe, expect, test } from "vitest";
import { verifyAnswer } from "@papo/plugins";

/** Answers that are the same, and near misses: gold, what stands in the box. */
const same: readonly (readonly [string, string])[] = [
  ["x^2+2x+1", "(x+1)^2"],
  ["\\frac{1}{\\sqrt{2}}", "\\frac{\\sqrt2}{2}"],
  ["0.5", "\\frac12"],
  ["50\\%", "0.5"],
  ["\\frac{1}{12}", "0.0833333"],
  ["\\sqrt{17}", "4.12310562561766"],
  ["1\\text{ m}", "100\\text{ cm}"],
  ["15\\text{ cm}^2", "15"],
  ["15", "15\\text{ square centimeters}"],
  ["\\{1,2\\}", "\\{2,1\\}"],
  ["1,2", "2 \\text{ and } 1"],
  ["x=1\\text{ or }x=2", "\\{1,2\\}"],
  ["(-\\infty,1)\\cup(3,\\infty)", "x<1 \\text{ or } x>3"],
  ["[2,\\infty)", "x\\ge 2"],
  ["2<x\\le 5", "(2,5]"],
  ["y=2x+1", "2x-y+1=0"],
  ["\\tan x", "\\frac{\\sin x}{\\cos x}"],
  ["e^{x+y}", "e^x e^y"],
  ["\\ln(4)", "2\\ln 2"],
  ["\\log_2 8", "3"],
  ["3!", "6"],
  ["\\binom{5}{2}", "10"],
  ["\\mathbb{R}", "(-\\infty,\\infty)"],
  ["\\mathbb{R}\\setminus\\{1\\}", "(-\\infty,1)\\cup(1,\\infty)"],
  ["0.\\overline{3}", "\\frac13"],
  ["3\\frac12", "\\frac72"],
  ["\\frac{\\pi}{2}", "90^\\circ"],
  ["1:2", "2:4"],
  ["\\begin{pmatrix}1\\\\2\\end{pmatrix}", "(1,2)"],
  ["\\langle 1,2\\rangle", "(1,2)"],
  ["\\text{Yes}", "yes"],
  ["C", "(C)"],
  ["\\text{(B)}", "B. 12 cm"],
  ["12", "12."],
  ["1,234", "1234"],
  ["10^{20}+1", "100000000000000000001"],
  ["2^{10}", "1024"],
  ["8^{1/3}", "2"],
  ["(-8)^{1/3}", "(-8)^{\\frac13}"],
  ["1+2i", "2i+1"],
  ["\\frac{1}{1+i}", "\\frac{1-i}{2}"],
  ["x=\\frac{-b\\pm\\sqrt{b^2-4ac}}{2a}", "\\frac{-b\\pm\\sqrt{b^2-4ac}}{2a}"],
  ["\\sqrt[3]{x^2}", "x^{2/3}"],
  ["5\\text{ dollars}", "\\$5"],
  ["3\\times10^8", "300000000"],
  ["3 \\cdot 10^{-2}", "0.03"],
  ["\\arctan 1", "\\frac{\\pi}{4}"],
  ["x>2", "2<x"],
  ["a=b", "b=a"],
  ["-\\frac{3}{4}", "\\frac{-3}{4}"],
  ["\\frac{x}{2}", "0.5x"],
  ["6\\sqrt{3}", "\\sqrt{108}"],
  ["18\\pi", "18 \\pi \\text{ cm}^3"],
  ["(3,4)", "x=3, y=4"],
  ["\\emptyset", "\\{\\}"],
  ["f(x)=2x", "2x"],
  ["25\\%", "25"],
  ["120^\\circ", "120"],
  ["\\text{2 hours}", "2"],
  ["1.23\\times 10^{5}", "123000"],
  ["-1", "-1.0"],
  ["2\\text{ hours}", "120\\text{ minutes}"],
  ["x+y=1", "y=1-x"],
  ["[1,2]", "[1, 2]"],
  ["(1,+\\infty)", "x > 1"],
  ["\\frac{7}{2}", "3.5"],
  ["3:30 \\text{ p.m.}", "3:30\\text{ PM}"],
  ["5^{\\text{th}}", "5"],
  ["12\\text{ students}", "12 \\text{ people}"],
  ["21st", "21"],
];
const different: readonly (readonly [string, string])[] = [
  ["2\\pi", "6.28"],
  ["2\\pi", "6.2832"],
  ["\\sqrt{2}", "1.414"],
  ["\\frac{1}{3}", "0.333"],
  ["\\frac{2}{3}", "0.67"],
  ["e", "2.718"],
  ["\\pi", "3.14"],
  ["\\pi", "\\frac{22}{7}"],
  ["10^{20}", "10^{20}+1"],
  ["x^2+1", "x^2-1"],
  ["-5", "5"],
  ["(1,2)", "(2,1)"],
  ["[0,1)", "[0,1]"],
  ["(0,1)", "[0,1]"],
  ["(-\\infty,2]", "(-\\infty,2)"],
  ["15\\text{ cm}^2", "15\\text{ cm}^3"],
  ["15\\text{ cm}^2", "15\\text{ cm}"],
  ["5", "5 \\text{ or } 6"],
  ["5", "5,6"],
  ["5", ""],
  ["3", "\\{3,4\\}"],
  ["\\frac12", "2"],
  ["x=5", "x=-5"],
  ["x>5", "x\\ge 5"],
  ["x>5", "x<5"],
  ["y=2x+1", "y=2x-1"],
  ["\\{1,2,3\\}", "\\{1,2\\}"],
  ["\\begin{pmatrix}1&2\\\\3&4\\end{pmatrix}", "\\begin{pmatrix}1&3\\\\2&4\\end{pmatrix}"],
  ["A", "B"],
  ["(A)", "(B)"],
  ["\\text{yes}", "\\text{no}"],
  ["0.5", "0.51"],
  ["1000", "1001"],
  ["1{,}000", "10{,}000"],
  ["20\\%", "30\\%"],
  ["0.2", "2\\%"],
  ["2^{99}", "2^{98}"],
  ["\\frac{1}{2004!}", "\\frac{1}{2006!}"],
  ["\\sin x", "\\cos x"],
  ["\\ln 2", "\\log_{10} 2"],
  ["\\sqrt{3}", "\\sqrt[3]{3}"],
  ["3\\sqrt{2}", "2\\sqrt{3}"],
  ["7:32", "32:7"],
  ["12:00", "1:00"],
  ["90^\\circ", "60^\\circ"],
  ["204_5", "204_6"],
  ["\\pm 3", "3"],
  ["3", "\\pm 3"],
  ["1+i", "1-i"],
  ["\\frac{\\pi}{2}", "\\frac{\\pi}{3}"],
  ["x\\in[1,2]", "x\\in(1,2]"],
  ["(-1,0)\\cup(0,1)", "(-1,1)"],
  ["\\mathbb{R}", "(0,\\infty)"],
  ["f(x)=x^2", "f(x)=x^3"],
  ["5\\text{ km}", "5\\text{ m}"],
  ["3\\frac12", "\\frac32"],
  ["0.1666667", "1/7"],
  ["(x-1)(x-2)", "(x-1)(x+2)"],
  ["a+b", "a-b"],
  ["ab", "a+b"],
  ["x", "y"],
  ["x=3", "y=3"],
  ["\\emptyset", "\\{0\\}"],
  ["\\emptyset", "0"],
  ["x^{10}", "x^{11}"],
  ["16386.20", "16386.17"],
  ["1.5", "1,6"],
  ["\\frac{3}{4}", "0.75001"],
  ["3.14159", "\\pi r"],
  ["|x|", "x"],
  ["-x", "x"],
  ["2", "2x"],
  ["(1,2,3)", "(1,2)"],
  ["(1,2]", "[1,2)"],
  ["\\infty", "-\\infty"],
  ["100", "1000"],
  ["7", "07.5"],
  ["\\text{Monday}", "\\text{Tuesday}"],
  ["C", "\\text{C or D}"],
  ["C", "A, B, C"],
  ["2", "\\boxed{}"],
  ["\\frac{a}{b}", "\\frac{b}{a}"],
  ["a^b", "b^a"],
  ["2.5", "5.2"],
  ["1e3", "1e4"],
  ["\\log_2 3", "\\log_3 2"],
  ["n(n+1)/2", "n(n-1)/2"],
  ["\\binom{5}{2}", "\\binom{5}{1}"],
  ["5!", "4!"],
  ["x \\le 2", "2 \\le x"],
  ["1<x<2", "1\\le x<2"],
  ["12\\text{ hours}", "12\\text{ minutes}"],
  ["0", "\\emptyset"],
  ["(0,5)", "0.5"],
  ["1,5", "15"],
  ["3,4", "34"],
  ["3:30 \\text{ p.m.}", "3:30 \\text{ a.m.}"],
  ["5\\text{th}", "6\\text{th}"],
];
const boxed = (answer: string): string => `Some work. So the answer is $\\boxed{${answer}}$.`;

test.each(same)("%s is %s", (gold, answer) => {
  expect(verifyAnswer(gold, boxed(answer)).outcome).toBe("right");
  expect(verifyAnswer(`$${answer}$`, boxed(gold)).outcome).toBe("right");
});

test.each(different)("%s is not %s", (gold, answer) => {
  expect(verifyAnswer(gold, boxed(answer)).outcome).not.toBe("right");
});

test("no gold answer is another's", () => {
  const golds = [...new Set(same.map(([gold]) => gold))];
  // Those that are the same number: 1 m and −1.0 are not among them.
  const alike = new Set(["0.5 | 50\\%", "50\\% | 0.5", "(1,2) | [1,2]"]);
  for (const [index, gold] of golds.entries()) {
    const other = golds[(index + 7) % golds.length]!;
    if (!alike.has(`${gold} | ${other}`))
      expect(verifyAnswer(gold, boxed(other)).outcome, `${gold} | ${other}`).not.toBe("right");
  }
});

describe("where the answer stands", () => {
  const found = (response: string): string | null => verifyAnswer("1", response).found;
  test.each([
    ["First \\boxed{3}. No: \\boxed{4}.", "4"],
    ["<think>\\boxed{1}</think> It is \\boxed{2}", "2"],
    ["\\boxed{1} and \\boxed{2}", "1 ; 2"],
    ["\\boxed{\\frac{1}{\\sqrt{2}}}", "\\frac{1}{\\sqrt{2}}"],
    ["so \\boxed{28} percent", "28%"],
    ["Let $x=2$. The answer is $x+1=3$.", "x+1=3"],
    ["The final answer is: 42. I hope it is correct.", "42"],
    ["There were 12 in one and 1,250 in the other.", "1,250"],
    ["Therefore \\(\\frac{3}{4}\\) of them.", "\\frac{3}{4}"],
    ["x = 5", "x = 5"],
    ["The answer is 5 or 6.", "5 or 6"],
    ["The answer is $5$ or $6$.", "5  or  6"],
    ["We solved the equation, found two roots and so conclude that $x=3$ or $x=5$.", "x=3 ; x=5"],
    ["After a long calculation, in which nothing went wrong, she has 3 or 4.", "3 ; 4"],
  ])("%s: %s", (response, answer) => expect(found(response)).toBe(answer));

  test("an empty box, and words alone, are no answer", () => {
    for (const response of ["so \\boxed{}", "\\boxed{5} or rather \\boxed{}", "I do not know.", ""])
      expect(verifyAnswer("5", response).outcome).toBe("no answer");
  });

  test("what cannot be read is told from a wrong answer, and accepted where it is the gold answer letter by letter", () => {
    const strange = "\\xyz@#";
    expect(verifyAnswer("5", boxed(strange)).outcome).toBe("unreadable");
    expect(verifyAnswer(strange, boxed(strange)).outcome).toBe("right");
    expect(verifyAnswer("\\text{a regular hexagon}", boxed("\\text{A regular hexagon.}")).outcome).toBe("right");
  });
});

describe("hostile input ends, and never throws", () => {
  const many = (text: string, times: number): string => text.repeat(times);
  const inputs: readonly (readonly [string, string])[] = [
    ["fractions in fractions", `\\boxed{${many("\\frac{1}{", 20_000)}1${many("}", 20_000)}}`],
    ["brackets in brackets", `\\boxed{${many("(", 1900)}1${many(")", 1900)}}`],
    ["a box that never closes", `\\boxed{${many("{", 1e6)}`],
    ["boxes in boxes", many("\\boxed{", 150_000)],
    ["a tower of powers", "\\boxed{9^{9^{9^{9^{9}}}}}"],
    ["a factorial of a factorial", "\\boxed{3000!!!}"],
    ["a huge exponential", "\\boxed{\\lfloor e^{900000000} \\rfloor}"],
    ["a huge angle", "\\boxed{\\sin(10^{100})}"],
    ["a megabyte of digits", `\\boxed{${many("9", 1e6)}}`],
    ["a megabyte of dollars", many("$", 1e6)],
    ["a megabyte of backslashes", many("\\", 1e6)],
    ["a megabyte of openings", many("\\(", 5e5)],
    ["a long sum", `\\boxed{${many("x+", 1900)}2}`],
    ["signs without end", `\\boxed{${many("\\pm 1", 600)}}`],
    ["factorials without end", `\\boxed{3${many("!", 3900)}}`],
    ["exponents without end", `\\boxed{${many("2^", 1900)}2}`],
    ["quotients without end", `\\boxed{${many("2/", 1900)}1}`],
    ["bars", `\\boxed{${many("|", 3000)}}`],
    ["logarithms in logarithms", `\\boxed{${many("\\ln(", 50)}10${many(")", 50)}}`],
  ];
  test.each(inputs)("%s", (_name, response) => {
    expect(verifyAnswer("1", response).outcome).not.toBe("right");
    expect(() => verifyAnswer(response, "1")).not.toThrow();
  });
});
