import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { JinjaTemplate } from "../../../../core/model/processing/jinja.ts";
import { root } from "../../../support/command-line.ts";

interface Table {
  readonly variables: Readonly<Record<string, unknown>>;
  /** By template, what Python's jinja2 prints, null where it fails (golden/scripts/make_chat_constructs.py). */
  readonly printed: Readonly<Record<string, string | null>>;
}

const { variables, printed } = JSON.parse(
  readFileSync(join(root, "test/golden/cases/chat-constructs.json"), "utf8"),
) as Table;

/** What is refused here, and works in Python. */
const refused: readonly string[] = [
  "{{ (1,) }}",
  "{{ 1e20|tojson }}",
  "{{ 1 + true }}",
  "{{ 'a' < 'b' }}",
  "{{ 1 < 2 < 3 }}",
  "{{ s.find('o') }}",
  "{{ s.count('l') }}",
  "{{ i is divisibleby 7 }}",
  "{{ 3.14159|round(2) }}",
  "{{ 3.5|round }}",
  "{{ l|sum }}",
  "{{ l|max }}",
  "{{ l|min }}",
  "{{ l|map('string')|join('-') }}",
  "{{ l|select('odd')|list }}",
  "{{ l|batch(2)|list }}",
  "{{ s|wordcount }}",
  "{{ '%s=%d'|format('a', 3) }}",
  "{{ '%s' % 'a' }}",
  "{{ 'a-{}'.format(3) }}",
  "{{ '<a>'|e }}",
  "{{ '<a>'|escape }}",
  "{{ s|urlencode }}",
  "{{ l|pprint }}",
  "{% for m in l %}{{ loop.cycle('a', 'b') }}{% endfor %}",
  "{% with a = 1 %}{{ a }}{% endwith %}",
  "{{ dict(a=1) }}",
  "{{ 'a b'.rsplit(' ') }}",
  "{{ 1_000 }}",
  "{{ 1e3 }}",
  "{{ 10 ** 20 }}",
  "{{ 123456789012345678901234567890 }}",
  "{{ 1.5e-05 if f else 0.00001 }}",
];

const outcomeOf = (template: string): { readonly text: string } | { readonly error: string } => {
  try {
    return { text: new JinjaTemplate(template).render(variables) };
  } catch (error) {
    return { error: (error as Error).message };
  }
};

test("every construct prints what Python prints, or is an error: never another text", () => {
  const other = Object.entries(printed).flatMap(([template, python]) => {
    const own = outcomeOf(template);
    return "text" in own && own.text !== python ? [{ template, python, own: own.text }] : [];
  });
  expect(other).toEqual([]);
});

test("constructs that Python knows and that are refused here are these, each with an error that says why", () => {
  const errors = Object.entries(printed).flatMap(([template, python]) => {
    const own = outcomeOf(template);
    return python !== null && "error" in own ? [{ template, error: own.error }] : [];
  });
  expect(errors.map(({ template }) => template)).toEqual(refused);
  for (const { error } of errors) expect(error).toMatch(/\w+ \w+/);
});

describe("what a template may do is counted", () => {
  const refusal = (template: string): string => (outcomeOf(template) as { error: string }).error;

  test.each([
    [
      "loops without end",
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      /takes more than 500000 steps/,
    ],
    [
      "a text that doubles",
      "{% set ns = namespace(s='abcdefgh') %}{% for a in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}",
      /a text of more than 33554432 characters/,
    ],
    [
      "a list that doubles",
      "{% set ns = namespace(s=[1]) %}{% for a in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}",
      /a list of more than 100000 items/,
    ],
    ["a long range", "{{ range(1000000000) }}", /range\(\) of 1000000000 numbers is too long/],
    ["a text many times", "{{ 'a' * 1000000000 }}", /something of 1000000000 characters/],
    ["an endless recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", /.+/],
  ])("%s", (_name, template, message) => {
    expect(refusal(template)).toMatch(message);
  });
});

describe("each operation takes steps for what it reads and makes", () => {
  const text = "ab c".repeat(600);
  const list = Array.from({ length: 600 }, (_, index) => `i${index}`);
  const records = list.map((name) => ({ name, about: { size: 1 } }));
  const entries = Object.fromEntries(list.map((name) => [name, name]));
  const values = { s: text, l: list, r: records, d: entries, nested: [list, [list, list]], q: "a".repeat(300) };
  const refusalUnder = (template: string, steps: number): string => {
    try {
      new JinjaTemplate(template, { steps, characters: 1e6, items: 1e4 }).render(values);
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  };

  // Fewer steps than the items, or than a 256th or an eighth of the characters, are not enough.
  test.each([
    ["{{ 1 if l == l }}", 600],
    ["{{ 1 if nested == nested }}", 1800],
    ["{{ 1 if d != d }}", 600],
    ["{{ 1 if 'x' in l }}", 600],
    ["{{ 1 if s == s }}", 9],
    ["{{ 1 if q in s }}", 600],
    ["{{ 1 if 'x' not in s }}", 9],
    ["{{ s.replace('b', 'bb') }}", 600],
    ["{{ s|replace('', '-') }}", 300],
    ["{{ s.split('b')|length }}", 600],
    ["{{ s.split()|length }}", 600],
    ["{{ s.upper() }}", 25],
    ["{{ s|upper }}", 25],
    ["{{ s|title }}", 300],
    ["{{ s.title() }}", 300],
    ["{{ s|capitalize }}", 9],
    ["{{ s.strip('a') }}", 300],
    ["{{ s|trim }}", 25],
    ["{{ s|list|length }}", 2400],
    ["{{ s|length }}", 300],
    ["{{ s|join('-') }}", 2400],
    ["{{ s[1:5] }}", 300],
    ["{{ s[::2] }}", 300],
    ["{{ s ~ s }}", 18],
    ["{{ s + s }}", 18],
    ["{{ (s * 3)[0] }}", 28],
    ["{{ s|tojson }}", 50],
    ["{{ s|tojson(ensure_ascii=true) }}", 1800],
    ["{{ s|indent }}", 9],
    ["{{ s.startswith(s) }}", 9],
    ["{{ s.endswith(l) }}", 600],
    ["{{ 1 if s is upper }}", 25],
    ["{{ s|int }}", 25],
    ["{{ strftime_now(s) }}", 1200],
    ["{% for c in s %}{% endfor %}", 2400],
    ["{% for i in l %}{% endfor %}", 600],
    ["{% for k in d %}{% endfor %}", 600],
    ["{% filter upper %}{{ s }}{% endfilter %}", 34],
    ["{{ l|list|length }}", 600],
    ["{{ (l + l)|length }}", 1200],
    ["{{ (l * 3)|length }}", 1800],
    ["{{ l[1:]|length }}", 600],
    ["{{ l|join }}", 600],
    ["{{ l }}", 1800],
    ["{{ l|tojson }}", 1200],
    ["{{ d|tojson(sort_keys=true) }}", 5000],
    ["{{ nested|tojson(indent=2) }}", 3600],
    ["{{ l|sort|length }}", 5000],
    ["{{ r|sort(attribute='name')|length }}", 5000],
    ["{{ d|dictsort|length }}", 5000],
    ["{{ d.items()|length }}", 600],
    ["{{ d|items|length }}", 600],
    ["{{ d.keys()|length }}", 600],
    ["{{ d.values()|list|length }}", 1200],
    ["{{ l|unique|length }}", 600],
    ["{{ l|reverse|length }}", 600],
    ["{{ r|map(attribute='about.size')|length }}", 1300],
    ["{{ r|selectattr('name')|list|length }}", 1200],
    ["{{ r|rejectattr('name', 'upper')|list|length }}", 1200],
    ["{{ range(500)|length }}", 500],
    ["{{ namespace(d).i1 }}", 600],
    ["{% macro m() %}{{ varargs|length }}{% endmacro %}{{ m(*l) }}", 600],
    ["{% set f = s.replace %}{{ f('b', 'bb') }}", 600],
    ["{{ s['replace']('b', 'bb') }}", 600],
    ["{% set f = s.replace %}{% call f('b', 'bb') %}{% endcall %}", 600],
  ])("%s", (template, least) => {
    expect(refusalUnder(template, least)).toBe(`the template takes more than ${least} steps`);
    expect(refusalUnder(template, 100_000)).toBe("");
  });

  test("a list of lists that share their parts is compared, printed and searched within the limit", () => {
    const shared =
      "{% set ns = namespace(l=[1], m=[1]) %}{% for i in range(30) %}{% set ns.l = [ns.l, ns.l] %}{% set ns.m = [ns.m, ns.m] %}{% endfor %}";
    for (const use of [
      "{{ ns.l == ns.m }}",
      "{{ ns.l }}",
      "{{ ns.l|tojson }}",
      "{{ ns.l in [ns.m] }}",
      "{{ ns.l ~ '' }}",
      "{{ ns.l|string }}",
      "{{ [ns.l]|join }}",
    ]) {
      expect(outcomeOf(shared + use)).toEqual({ error: "the template takes more than 500000 steps" });
    }
  });

  test("what grows is refused before it is made", () => {
    const limits = { steps: 10_000, characters: 1000, items: 100 };
    const refused = (template: string): string => {
      try {
        return new JinjaTemplate(template, limits).render({ s: "x".repeat(500), n: "\n".repeat(400), l: [1, 2] });
      } catch (error) {
        return (error as Error).message;
      }
    };
    for (const use of [
      "s ~ s ~ s",
      "s.replace('x', 'yyy')",
      "s|replace('', 'ab')",
      "l|join('-' * 999)",
      "n|indent(1000000000, true, true)",
      "l|tojson(separators=['-' * 999, ''])",
      "s|join(s)",
    ]) {
      expect(refused(`{{ ${use} }}`)).toBe("the template makes a text of more than 1000 characters");
    }
    for (const use of ["s|list", "s.split('x')", "l * 99", "l + (l * 50)"])
      expect(refused(`{{ ${use} }}`)).toMatch(/list of more than 100 items|something of 198/);
  });

  test("nothing is nothing, however often it is repeated", () => {
    expect(outcomeOf("{{ ([] * 1000000000)|length }}{{ '' * 1000000000 }}{{ [1] * -1 }}")).toEqual({ text: "0[]" });
  });

  test("a template itself has limits", () => {
    expect(() => new JinjaTemplate(`a${" ".repeat(2001)}b`)).toThrow(
      "more than 2000 characters of white space in a row",
    );
    expect(() => new JinjaTemplate("a".repeat(500_001))).toThrow(
      "it has 500001 characters, and at most 500000 are read",
    );
  });
});
