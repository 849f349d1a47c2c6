import { describe, expect, it, test } from "vitest";
import { NumberText } from "../../../../core/data/values/number-text.ts";
import { parseJson } from "../../../../core/data/values/json.ts";

const asWritten = (value: unknown): unknown => (value instanceof NumberText ? `number ${value.text}` : value);

test("reads what JSON.parse does, with the digits that numbers were written with", () => {
  for (const text of ['{"a": [1, -2.5, 1000, true, false, null, "x\\n\\u00e9"], "b": {}}', " [ ] ", '""', "0"])
    expect(parseJson(text)).toEqual(JSON.parse(text));
  expect(asWritten(parseJson("12345678901234567890"))).toBe("number 12345678901234567890");
  expect(asWritten(parseJson("1e3"))).toBe("number 1e3");
  expect(asWritten(parseJson("3.10"))).toBe("number 3.10");
  expect(parseJson("[NaN, Infinity, -Infinity]")).toEqual([NaN, Infinity, -Infinity]);
});

describe("names the place of", () => {
  it.each([
    ["nothing", "", /found the end/],
    ["half a list", "[1, 2", /found the end/],
    ["half an object", '{"a": 1', /found the end/],
    ["half a text", '"abc', /a text does not end at character 1/],
    ["a comma too many", "[1, ]", /found "\]"/],
    ["a key without quotes", "{a: 1}", /found "a: 1\}"/],
    ["an object without a colon", '{"a" 1}', /found "1\}"/],
    ["two values", "1 2", /the end was expected.*found "2"/],
    ["a number that begins with 0", "012", /found "12"/],
    ["a sign alone", "-", /found/],
    ["a key that stands twice", '{"a": 1, "a": 2}', /the key "a" stands twice in one object/],
    ["an escape that is none", '"\\x41"', /a \\ before what cannot follow it/],
    ["a word", "nope", /found "nope"/],
  ])("%s", (_name, text, message) => {
    expect(() => parseJson(text)).toThrow(message);
  });
});
