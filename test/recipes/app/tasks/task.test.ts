import { expect, test } from "vitest";
import { taskOf, taskPlugins } from "../../../../recipes/app/tasks/task.ts";

test("--task and --strength name a task; shortcut alone is that whose start is shipped", () => {
  expect(taskOf({ task: "shapes", strength: undefined })).toMatchObject({
    name: "shapes",
    prior: null,
    strength: null,
  });
  expect(taskOf({ task: "shortcut", strength: undefined })).toMatchObject({
    name: "shortcut:suggestion",
    strength: 0.6,
  });
  expect(taskOf({ task: "shortcut:caption", strength: 0 })).toMatchObject({
    name: "shortcut:caption",
    prior: "caption",
    strength: 0,
  });
  expect(() => taskOf({ task: "shapes", strength: 0.5 })).toThrow(
    "--strength is of shortcut tasks: there is no prior in the task shapes",
  );
  expect(() => taskOf({ task: "shortcut", strength: 60 })).toThrow("--strength is a share from 0 to 1, not 60");
});

test("what tells right priors from wrong ones goes with tasks that have some", () => {
  expect(taskPlugins({ strength: null }).map(({ name }) => name)).toEqual(["ShapesRewardPlugin"]);
  expect(taskPlugins({ strength: 0.6 }).map(({ name }) => name)).toEqual(["ShapesRewardPlugin", "PriorProbePlugin"]);
});
