import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { smallPicture } from "../../../../recipes/app/report/pictures.ts";
import { temporaryFolder } from "../../../support/bandit.ts";

const svg = (side: number): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="${side / 2}" height="${side}" fill="red"/></svg>`;

test("a picture of more pixels than are decoded anywhere is left out of the page", async () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "bomb.svg"), svg(20_000));
  writeFileSync(join(folder, "small.svg"), svg(200));
  expect(await smallPicture(folder, "bomb.svg", 64)).toBeNull();
  expect((await smallPicture(folder, "small.svg", 64))?.subarray(8, 12).toString()).toBe("WEBP");
});
