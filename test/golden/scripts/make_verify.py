"""Answers with what they are by construction, and what math-verify and mathruler say of them.

    pip install "math-verify==0.9.0" "antlr4-python3-runtime==4.13.2" "mathruler==0.1.0" pylatexenc
    python test/golden/scripts/make_verify.py test/golden/cases

Writes verify.json: a list of {kind, gold, response, expected, math_verify, mathruler}, every response with its answer in a box; and verify-responses.json, those of
verify_responses.py, which may have the question's choices too.
"""
import json
import random
import sys
from fractions import Fraction
from math import gcd

from math_verify import parse, verify
from mathruler.grader import extract_boxed_content, grade_answer

import verify_responses

random.seed(7)
cases = []


def case(kind, gold, answer, expected):
    cases.append({"kind": kind, "gold": gold, "response": f"We work it out. The answer is $\\boxed{{{answer}}}$.", "expected": expected})


def frac(f, style="\\frac"):
    if f.denominator == 1:
        return str(f.numerator)
    sign = "-" if f < 0 else ""
    return f"{sign}{style}{{{abs(f.numerator)}}}{{{f.denominator}}}"


for _ in range(12):
    n = random.randint(1000, 9_999_999)
    case("separators", str(n), f"{n:,}", 1)
    case("separators", str(n), f"{n:,}".replace(",", "{,}"), 1)
    case("separators", f"{n:,}", f"{n}.0", 1)
    case("separators", str(n), f"{n + 1:,}", 0)
    case("separators", str(n), f"{n}0", 0)
    case("sign", str(n), f"-{n}", 0)
for _ in range(12):
    f = Fraction(random.randint(1, 40), random.randint(2, 40))
    if f.denominator == 1:
        continue
    case("fractions", frac(f), f"{f.numerator}/{f.denominator}", 1)
    case("fractions", frac(f), frac(f, "\\dfrac"), 1)
    case("fractions", frac(-f), f"\\frac{{-{f.numerator}}}{{{f.denominator}}}", 1)
    case("fractions", frac(f), f"\\frac{{{3 * f.numerator}}}{{{3 * f.denominator}}}", 1)
    case("fractions", frac(f), frac(1 / f), 0 if f != 1 else 1)
    case("sign", frac(f), frac(-f), 0)
    case("decimals", frac(f), f"{float(f):.9f}", 1)
    if f.denominator not in (2, 4, 5, 8, 10, 16, 20, 25, 32, 40):
        case("decimals", frac(f), f"{float(f):.2f}", 0)
    if f > 1:
        whole = f.numerator // f.denominator
        case("mixed numbers", frac(f), f"{whole}{frac(f - whole)}", 1)
        case("mixed numbers", frac(f), f"{whole + 1}{frac(f - whole)}", 0)
for _ in range(10):
    a, b = random.randint(2, 9), random.choice([2, 3, 5, 6, 7, 11])
    case("surds", f"{a}\\sqrt{{{b}}}", f"\\sqrt{{{a * a * b}}}", 1)
    case("surds", f"{a}\\sqrt{{{b}}}", f"{a}\\sqrt{b}", 1)
    case("surds", f"\\frac{{{a}}}{{\\sqrt{{{b}}}}}", f"\\frac{{{a}\\sqrt{{{b}}}}}{{{b}}}", 1)
    case("surds", f"{a}\\sqrt{{{b}}}", f"{b}\\sqrt{{{a}}}", 1 if a == b else 0)
    case("surds", f"{a}+\\sqrt{{{b}}}", f"{a}-\\sqrt{{{b}}}", 0)
    case("decimal for an exact constant", f"{a}\\sqrt{{{b}}}", f"{a * b ** 0.5:.2f}", 0)
    case("decimal for an exact constant", f"{a}\\pi", f"{a * 3.14159265:.3f}", 0)
    case("constants", f"{a}\\pi", f"\\pi \\cdot {a}", 1)
    case("constants", f"\\frac{{{a}\\pi}}{{{b}}}", f"\\frac{{{a}}}{{{b}}}\\pi", 1)
    case("constants", f"\\frac{{{a}\\pi}}{{{b}}}", f"\\frac{{{a}}}{{{b}}}", 0)
    case("powers", f"{a}^{{{b}}}", str(a ** b), 1)
    case("powers", f"{a}^{{{b * 12}}}", f"{a}^{{{b * 12 + 1}}}", 0)
    case("powers", f"10^{{{20 + b}}}", f"10^{{{20 + b}}}+1", 0)
    case("logarithms", f"\\log_{{{a}}} {a ** 3}", "3", 1)
    case("logarithms", f"\\ln {a ** 2}", f"2\\ln {a}", 1)
    case("logarithms", f"\\ln {a}", f"\\ln {a + 1}", 0)
for _ in range(10):
    p, q = random.randint(-6, 6) or 1, random.randint(-6, 6) or 2
    s = lambda k: f"+{k}" if k > 0 else str(k)
    expanded = f"x^2{s(p + q) + 'x' if p + q else ''}{s(p * q)}"
    case("polynomials", expanded, f"(x{s(p)})(x{s(q)})", 1)
    case("polynomials", expanded, f"(x{s(-p)})(x{s(q)})", 0)
    case("polynomials", expanded, f"{p * q}{s(p + q) + 'x' if p + q else ''}+x^2", 1)
    case("solutions", f"x={p} \\text{{ or }} x={q + 20}", f"\\{{{q + 20}, {p}\\}}", 1)
    case("solutions", f"{p}, {q + 20}", f"x={q + 20},\\ x={p}", 1)
    case("several candidates", str(q + 20), f"{p}, {q + 20}", 0)
    case("several candidates", str(q + 20), f"{p} \\text{{ or }} {q + 20}", 0)
    case("equations", f"y={abs(p)}x{s(q)}", f"{abs(p)}x-y{s(q)}=0", 1)
    case("equations", f"y={abs(p)}x{s(q)}", f"{abs(p)}x-y{s(-q)}=0", 0)
    case("equations", f"x={p}", str(p), 1)
    case("equations", f"x={p}", str(-p), 0)
    low, high = sorted((p, q + 20))
    case("intervals", f"({low},{high}]", f"{low}<x\\le {high}", 1)
    case("intervals", f"({low},{high}]", f"\\left({low}, {high}\\right]", 1)
    case("open and closed ends", f"({low},{high}]", f"[{low},{high}]", 0)
    case("open and closed ends", f"({low},{high})", f"({low},{high}]", 0)
    case("intervals", f"[{low},\\infty)", f"x\\ge {low}", 1)
    case("intervals", f"(-\\infty,{low})\\cup({high},\\infty)", f"x<{low} \\text{{ or }} x>{high}", 1)
    case("intervals", f"(-\\infty,{low})\\cup({high},\\infty)", f"(-\\infty,{low}]\\cup({high},\\infty)", 0)
    case("tuples", f"({low},{high})", f"\\left({low},\\,{high}\\right)", 1)
    case("tuples", f"({low},{high},{p})", f"({high},{low},{p})", 0)
    case("tuples", f"({low},{high},{p})", f"({low},{high})", 0)
    case("sets", f"\\{{{low},{high},{high + 3}\\}}", f"\\{{{high + 3},{low},{high}\\}}", 1)
    case("sets", f"\\{{{low},{high},{high + 3}\\}}", f"\\{{{low},{high}\\}}", 0)
    case("matrices", f"\\begin{{pmatrix}}{p}&{q}\\\\{low}&{high}\\end{{pmatrix}}", f"\\begin{{bmatrix}} {p} & {q} \\\\ {low} & {high} \\end{{bmatrix}}", 1)
    case("matrices", f"\\begin{{pmatrix}}{p}&{q}\\\\{low}&{high}\\end{{pmatrix}}", f"\\begin{{pmatrix}}{p}&{q}\\\\{low}&{high + 1}\\end{{pmatrix}}", 0)
    case("complex numbers", f"{p}{s(q)}i", f"{q}i{s(p)}", 1)
    case("complex numbers", f"{p}{s(q)}i", f"{p}{s(-q)}i", 0)
    case("both signs", f"{abs(p)}\\pm\\sqrt{{{abs(q) + 20}}}", f"{abs(p)}-\\sqrt{{{abs(q) + 20}}}, {abs(p)}+\\sqrt{{{abs(q) + 20}}}", 1)
    case("both signs", f"\\pm {abs(p)}", str(abs(p)), 0)
for _ in range(8):
    n, m = random.randint(2, 90), random.randint(2, 30)
    case("percent", f"{n}\\%", f"{n} \\text{{ percent}}", 1)
    case("percent", f"{n}\\%", f"{n / 100}", 1)
    case("percent", f"{n}\\%", f"{n + 1}\\%", 0)
    case("units", f"{n}\\text{{ cm}}", str(n), 1)
    case("units", str(n), f"{n}\\text{{ cm}}^2", 1)
    case("units", f"{n}\\text{{ m}}", f"{100 * n}\\text{{ cm}}", 1)
    case("units", f"{n}\\text{{ cm}}", f"{n}\\text{{ centimeters}}", 1)
    case("a unit's power", f"{n}\\text{{ cm}}^2", f"{n}\\text{{ cm}}^3", 0)
    case("units", f"{n}\\text{{ cm}}", f"{n}\\text{{ m}}", 0)
    case("units", f"{n}^\\circ", str(n), 1)
    case("ratios", f"{n}:{m + 90}", f"{2 * n}:{2 * (m + 90)}", 1)
    case("ratios", f"{n}:{m + 90}", f"{m + 90}:{n}", 0)
    case("an empty box", str(n), "", 0)
    case("currency", f"\\${n}.50", f"{n}.50", 1)
for letter, other in zip("ABCDE", "BCDEA"):
    case("choices", letter, f"\\text{{({letter})}}", 1)
    case("choices", f"\\text{{({letter})}}", letter, 1)
    case("choices", letter, f"\\text{{({other})}}", 0)
for a, b in [("\\sin^2 x+\\cos^2 x", "1"), ("\\tan x", "\\frac{\\sin x}{\\cos x}"), ("2\\sin x\\cos x", "\\sin(2x)"), ("1+\\tan^2 x", "\\sec^2 x"), ("e^{2x}", "(e^x)^2"), ("\\frac{1}{x}-\\frac{1}{x+1}", "\\frac{1}{x(x+1)}"),
             ("\\frac{a+b}{c}", "\\frac{a}{c}+\\frac{b}{c}"), ("(a+b)^3", "a^3+3a^2b+3ab^2+b^3"), ("\\sqrt{x^4+2x^2+1}", "x^2+1"), ("\\frac{n(n+1)}{2}", "\\binom{n+1}{2}"), ("2^{n+1}", "2\\cdot 2^n"), ("\\cos(2x)", "1-2\\sin^2 x")]:
    if "binom" not in b:
        case("identities", a, b, 1)
for a, b in [("\\sin x", "\\cos x"), ("\\sin(2x)", "2\\sin x"), ("(a+b)^2", "a^2+b^2"), ("\\frac{1}{a+b}", "\\frac1a+\\frac1b"), ("\\sqrt{a+b}", "\\sqrt a+\\sqrt b"), ("\\ln(a+b)", "\\ln a+\\ln b"), ("2^{n+1}", "2^n+1"), ("x_1", "x_2"), ("a-b", "b-a")]:
    case("near identities", a, b, 0)
for word, other in [("Monday", "Tuesday"), ("yes", "no"), ("isosceles", "equilateral"), ("odd", "even")]:
    case("words", f"\\text{{{word}}}", f"\\text{{{word}}}", 1)
    case("words", word, f"\\text{{{word.capitalize()}}}", 1)
    case("words", word, f"\\text{{{other}}}", 0)

# One problem's gold with another's answer.
golds = sorted({(c["kind"], c["gold"]) for c in cases})
for _ in range(200):
    (kind, gold), (other_kind, other) = random.sample(golds, 2)
    if kind != other_kind and gold != other:
        case("another's answer", gold, other, 0)



def judged(made):
    distinct = list({(c["gold"], c["response"], str(c.get("choices"))): c for c in made}.values())
    for c in distinct:
        try:
            c["math_verify"] = int(verify(parse(f"${c['gold']}$", parsing_timeout=None), parse(c["response"], parsing_timeout=None), timeout_seconds=None))
        except Exception:
            c["math_verify"] = 0
        try:
            c["mathruler"] = int(grade_answer(extract_boxed_content(c["response"]), c["gold"]))
        except Exception:
            c["mathruler"] = 0
    return distinct


for name, made in (("verify", cases), ("verify-responses", verify_responses.cases)):
    judgements = judged(made)
    json.dump(judgements, open(f"{sys.argv[1]}/{name}.json", "w"), indent=0)
    for judge in ("math_verify", "mathruler"):
        print(name, judge, sum(c[judge] == c["expected"] for c in judgements), "of", len(judgements))
