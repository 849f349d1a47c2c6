import { expect, test } from "vitest";
import { offendingLines, projectFiles } from "./project-files.ts";

/**
 * Files that write in place, and why nothing is lost there: into a folder that gets its name when it is whole
 * (checkpoints, made tasks), a file under a name of its own (locks, media, the first line of a file), or a folder that
 * is thrown away.
 */
const inPlace = [
  "core/machine/atomic-file.ts",
  "core/checkpoint/folder-lock.ts",
  "core/checkpoint/manifest.ts",
  "core/checkpoint/checkpoint.ts",
  "core/checkpoint/best.ts",
  "core/checkpoint/kept-groups.ts",
  "core/learner/learner-files.ts",
  "core/graph/xla/client/executable-files.ts",
  "core/model/files/safetensors-write.ts",
  "plugins/observe/trackio.ts",
  "plugins/observe/wandb.ts",
  "recipes/app/page/server/page-file.ts",
  "recipes/app/commands/replay.ts",
  "recipes/app/tasks/shapes/dataset.ts",
  "recipes/app/tasks/shapes/model.ts",
  "recipes/works/moo/write-rows.ts",
  "recipes/works/drawn-rows.ts",
];

test("files that hold something worth keeping are written whole or not at all (writeFileAtomic)", () => {
  const product = projectFiles().filter(
    (path) => /^(?:core|plugins|recipes)\/.*\.(?:ts|mjs)$/.test(path) && !inPlace.includes(path),
  );
  expect(product.length).toBeGreaterThan(300);
  expect(offendingLines(product, (line) => /\b(?:writeFile|writeFileSync|createWriteStream)\(/.test(line))).toEqual([]);
});
