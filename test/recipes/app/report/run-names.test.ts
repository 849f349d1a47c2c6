import { expect, test } from "vitest";
import { runNames } from "../../../../recipes/app/report/run-names.ts";

test("runs have their own names, those in folders of equal names their paths", () => {
  expect(runNames(["runs/a/one", "runs/b/one/", "runs/b/two"])).toEqual([
    { name: "runs/a/one" },
    { name: "runs/b/one" },
    {},
  ]);
});
