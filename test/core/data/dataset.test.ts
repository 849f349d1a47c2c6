import { expect, test } from "vitest";
import { arrayDataset } from "../../../core/data/dataset.ts";

test("rows are filled in, ids follow the index", () => {
  const dataset = arrayDataset([{ prompt: "a" }, { prompt: "b", id: "named", answer: "yes", images: ["p.png"] }]);
  expect(dataset.row(0)).toEqual({ id: "0", prompt: "a", system: null, images: [], answer: "", fields: {} });
  expect(dataset.row(1)).toMatchObject({ id: "named", answer: "yes", images: ["p.png"] });
  expect(() => dataset.row(2)).toThrow('Dataset "rows" has 2 rows, no row 2');
});

test("two rows with one id are an error", () => {
  expect(() => arrayDataset([{ prompt: "a", id: "1" }, { prompt: "b" }])).toThrow('two rows with the id "1"');
});
