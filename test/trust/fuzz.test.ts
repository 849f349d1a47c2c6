import { expect, test } from "vitest";
import { fuzzFiles } from "../support/fuzz.ts";

test("damaged files of every kind are read or refused in words for people, and the process goes on", async () => {
  expect(await fuzzFiles(140, 1)).toEqual({ tried: 140, survived: 140, raw: [] });
});
