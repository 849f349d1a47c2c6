import { describe, expect, test } from "vitest";
import { checkPatterns } from "../../../../core/model/processing/split-pattern.ts";

const check = (pattern: string): void =>
  checkPatterns({ pretokenizers: [{ type: "Split", pattern: { Regex: pattern } }] });

describe("patterns as published tokenizers have them are taken", () => {
  test.each([
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+",
    "[^\\r\\n\\p{L}\\p{N}]?[\\p{Lu}\\p{M}]*[\\p{Ll}\\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\\p{N}{1,3}",
    "[!\"#$%&'()*+,\\-./:;<=>?@\\[\\\\\\]^_`{|}~][A-Za-z]+| ?[\\p{P}\\p{S}]+[\\r\\n]*",
    "\\d{1,3}(?=(?:\\d{3})*\\b)",
    "[0-9]",
    " ",
  ])("%s", (pattern) => {
    expect(() => check(pattern)).not.toThrow();
  });
});

describe("patterns that can take for ever are refused, before they meet a text", () => {
  test.each([
    "(a+)+",
    "(?:a|b)*",
    "(a?)*c",
    "(?:(?:a+))+",
    "(a+){2,9}",
    "(?:x(?:a|b))+",
    "(?<n>a+)+",
    "a*b*c*d*",
    "a*(b*c*)d*",
    "a+(b+c+d+)|x",
    "(a)\\1",
  ])("%s", (pattern) => {
    expect(() => check(pattern)).toThrow(/its pattern .* which can take for ever/);
  });

  test("one without end", () => {
    expect(() => check("a".repeat(5001))).toThrow("has 5001 characters, and at most 5000 are taken");
  });
});
