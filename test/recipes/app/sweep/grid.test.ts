import { expect, test } from "vitest";
import { configurationsOf, folderName, readGrid } from "../../../../recipes/app/sweep/grid.ts";

test("a grid is every combination of the values, named by the shortest paths that tell them apart", () => {
  const mistakes: string[] = [];
  const varied = readGrid(
    ["settings.learningRate=1e-6,1e-4", 'plugins.A.freeze=["a","b"],[]', "plugins.B.freeze=x, y"],
    [],
    mistakes,
  );
  expect(mistakes).toEqual([]);
  expect(varied.map(({ name, values }) => [name, values])).toEqual([
    ["learningRate", ["1e-6", "1e-4"]],
    ["A.freeze", ['["a","b"]', "[]"]],
    ["B.freeze", ["x", "y"]],
  ]);
  const all = configurationsOf(varied);
  expect(all).toHaveLength(8);
  expect(all[1]).toEqual({
    values: ["1e-6", '["a","b"]', "y"],
    label: 'learningRate=1e-6, A.freeze=["a","b"], B.freeze=y',
    set: ["settings.learningRate=1e-6", 'plugins.A.freeze=["a","b"]', "plugins.B.freeze=y"],
  });
  expect(new Set(all.map((one) => folderName(one, 1))).size).toBe(8);
  expect(folderName(configurationsOf(varied.slice(0, 1))[0]!, 2)).toBe("learningRate=1e-6,seed=2");
  expect(folderName({ label: "a=x/y", values: ["x/y"], set: ["a=x/y"] }, 1)).not.toBe(
    folderName({ label: "a=x:y", values: ["x:y"], set: ["a=x:y"] }, 1),
  );
  expect(configurationsOf([])).toEqual([{ values: [], label: "", set: [] }]);
});

test("all mistakes of a grid are told at once", () => {
  const mistakes: string[] = [];
  expect(readGrid(["a=1", "b=1,1", "c=1,,2", "d", "e=1,2", "e=3,4", "f=1,2"], ["f=3"], mistakes)).toHaveLength(3);
  expect(mistakes).toEqual([
    "--vary a=1: one value is none to vary: --set a=1 sets it",
    "--vary b=1,1: a value stands there twice",
    "--vary c=1,,2: write path=first,second: settings.learningRate=1e-6,1e-5",
    "--vary d: write path=first,second: settings.learningRate=1e-6,1e-5",
    "--vary e is given twice: name its values together",
    "f is both varied and set: give one of them",
  ]);
});
