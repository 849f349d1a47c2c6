import { expect, test } from "vitest";
import { linesWith, opinionOf, withOpinions } from "../../../recipes/works/moo/write-rows.ts";

test("an opinion is a response in words, and stands before the question", () => {
  expect(opinionOf("<think> red 2 , circle 3 ; 2 + 3 = 5 </think> \\boxed{ 5 } <|im_end|>")).toBe(
    "red 2 , circle 3 ; 2 + 3 = 5 5",
  );
  expect(opinionOf("<think> </think> \\boxed{ red circle }")).toBe("red circle");
  expect(opinionOf("<think>")).toBe("none");
  expect(withOpinions("how many red ?", ["2", "red circle ; 1 1"])).toBe("? 2 ; ? red circle ; 1 1 ; how many red ?");
});

test("rows stand with what was said of them, and without where both are asked for", () => {
  const row = (id: string, prompt: string) => ({ id, prompt, answer: "2", kind: "count_colour" });
  const [red, blue] = [row("a", "how many red ?"), row("b", "how many blue ?")];
  const lines = [red, blue].map((one) => JSON.stringify(one));
  const said = [
    ["1", "2"],
    ["3", "4"],
  ];
  const given = [
    { ...red, prompt: "? 1 ; ? 2 ; how many red ?", opinions: "given" },
    { ...blue, prompt: "? 3 ; ? 4 ; how many blue ?", opinions: "given" },
  ];
  const read = (both: boolean): unknown[] => linesWith(lines, said, both).map((line) => JSON.parse(line) as unknown);
  expect(read(false)).toEqual(given);
  expect(read(true)).toEqual([
    given[0],
    { ...red, id: "a-alone", opinions: "none" },
    given[1],
    { ...blue, id: "b-alone", opinions: "none" },
  ]);
});
