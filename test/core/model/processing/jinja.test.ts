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

const { variables, printed } = JSON.parse(readFileSync(join(root, "test/golden/cases/chat-constructs.json"), "utf8")) as Table;

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
  "{{ none in [none] }}",
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
    ["loops without end", "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}", /takes more than 500000 steps/],
    ["a text that doubles", "{% set ns = namespace(s='abcdefgh') %}{% for a in range(60) %}{% set ns.s = ns.s ~ ns.s %}{% endfor %}", /a text of more than 33554432 characters/],
    ["a list that doubles", "{% set ns = namespace(s=[1]) %}{% for a in range(60) %}{% set ns.s = ns.s + ns.s %}{% endfor %}", /a list of more than 100000 items/],
    ["a long range", "{{ range(1000000000) }}", /range\(\) of 1000000000 numbers is too long/],
    ["a text many times", "{{ 'a' * 1000000000 }}", /something of 1000000000 characters/],
    ["an endless recursion", "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", /.+/],
  ])("%s", (_name, template, message) => {
    expect(refusal(template)).toMatch(message);
  });
});
