import { expect, test } from "vitest";
import { fuzzFiles, fuzzKept, kept } from "../support/fuzz/fuzz.ts";

test("damaged files of every kind are read or refused in words for people, and the process goes on", async () => {
  expect(await fuzzFiles(150, 2)).toEqual({ tried: 150, survived: 150, raw: [] });
}, 120_000);

test("files on which a parser once failed are read or refused too", async () => {
  expect(kept.length).toBeGreaterThan(0);
  expect((await fuzzKept()).raw).toEqual([]);
}, 120_000);
