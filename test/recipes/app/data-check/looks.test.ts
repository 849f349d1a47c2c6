import { expect, test } from "vitest";
import { lookOf } from "../../../../recipes/app/data-check/looks.ts";

const svg = (side: number): Buffer =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" width="${side}" height="${side}"><rect width="${side / 2}" height="${side}" fill="red"/></svg>`,
  );

test("a picture of more pixels than are decoded anywhere is refused before it is decoded", async () => {
  await expect(lookOf(svg(20_000))).rejects.toThrow(
    "it has 20000×20000 pixels, more than the 64000000 of the pixel limit",
  );
  await expect(lookOf(svg(200))).resolves.not.toThrow();
});
