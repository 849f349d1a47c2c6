import { describe, expect, it } from "vitest";
import { z } from "zod";
import { parseOptions } from "../../../core/options/options.ts";

const schema = z.strictObject({
  coefficient: z.number().nonnegative().default(0.01),
  mode: z.enum(["official", "paper"]).default("official"),
  sampling: z.strictObject({ topP: z.number().default(1) }).prefault({}),
});

describe("parseOptions", () => {
  it("fills in defaults", () => {
    expect(parseOptions("P", schema, {})).toEqual({ coefficient: 0.01, mode: "official", sampling: { topP: 1 } });
  });

  it.each([
    [
      { coeficient: 1 },
      'P: unknown option "coeficient"; did you mean "coefficient"? Known are: coefficient, mode, sampling',
    ],
    [{ sampling: { topp: 1 } }, 'P: unknown option "sampling.topp"; did you mean "topP"? Known are: topP'],
    [{ coefficient: -1 }, 'P: the option "coefficient" is -1, allowed is at least 0'],
    [{ coefficient: "1" }, 'P: the option "coefficient" is "1", allowed is number'],
    [{ mode: "both" }, 'P: the option "mode" is "both", allowed is "official" or "paper"'],
    [7, "P: the options are 7, allowed is an object"],
  ])("rejects %j", (options, message) => {
    expect(() => parseOptions("P", schema, options)).toThrow(message);
  });

  it("tells everything that is wrong at once", () => {
    expect(() => parseOptions("P", schema, { coefficient: -1, mode: "both" })).toThrow(/coefficient[^]*mode/);
  });
});
