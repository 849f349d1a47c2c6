import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import sharp from "sharp";
import { describe, expect, it, test } from "vitest";
import { pictureOf, pictureValues, type PicturePlace } from "../../../../core/data/rows/pictures.ts";
import { temporaryFolder } from "../../../support/bandit.ts";

const folder = temporaryFolder();
const place: PicturePlace = { name: "row 7", folder, absent: "the folder was searched" };
const png = await sharp({ create: { width: 9, height: 9, channels: 3, background: "red" } })
  .png()
  .toBuffer();
writeFileSync(join(folder, "a.png"), png);
const base64 = png.toString("base64");
const bytesOf = (value: unknown): Buffer | string => {
  const found = pictureOf(value, 1, place);
  return typeof found === "string" ? found : Buffer.from(found.bytes);
};

describe("bytes", () => {
  it.each([
    ["as they are", new Uint8Array(png)],
    ["as JSON writes them", [...png]],
    ["in an object", { bytes: new Uint8Array(png), path: "a.png" }],
    ["in an object, in base64", { bytes: base64, path: null }],
    ["in base64", base64],
    ["in a data URL", `data:image/png;base64,${base64}`],
    ["in an object of a message", { type: "image_url", image_url: { url: `data:image/png;base64,${base64}` } }],
  ])("%s", (_name, value) => {
    expect(bytesOf(value)).toEqual(png);
  });
});

describe("a path", () => {
  it.each([
    ["beside the data", "a.png"],
    ["from the root", join(folder, "a.png")],
    ["as a file URL", pathToFileURL(join(folder, "a.png")).href],
    ["relative after file://", "file://a.png"],
    ["in an object", { bytes: null, path: "a.png" }],
    ["as Python prints it", "{'bytes': None, 'path': 'a.png'}"],
  ])("%s", (_name, value) => {
    expect(bytesOf(value)).toBe(join(folder, "a.png"));
  });
});

test("bytes are named by their row, and their path where there is one", () => {
  expect(pictureOf({ bytes: new Uint8Array(png), path: "x/a.png" }, 2, place)).toMatchObject({
    name: "row 7, picture 2 (x/a.png)",
  });
});

describe("what is none is said, and never printed", () => {
  it.each([
    ["null", null, "picture 1 is missing (null)"],
    ["an empty text", "", "picture 1 is missing (an empty text)"],
    ["no bytes", new Uint8Array(0), "picture 1 is empty"],
    ["a number", 3, "must be bytes, { bytes, path }, a path, a data URL or base64, found 3"],
    ["an object of neither", { width: 3 }, "holds neither bytes nor a path (its keys: width)"],
    ["an address", "https://example.org/a.png", "nothing is fetched because data says so"],
    ["a data URL of a text", "data:text/html,<b>", "is a data URL of 18 characters that holds no picture"],
    ["a path to nothing", "b.png", `picture ${join(folder, "b.png")} does not exist (the folder was searched)`],
    ["bytes as Python prints them", "b'\\x89PNG'", "is the text that Python prints for bytes"],
  ])("%s", (_name, value, message) => {
    expect(() => pictureOf(value, 1, place)).toThrow(message);
  });

  it("a long text", () => {
    const long = "no picture ".repeat(1000);
    expect(() => pictureOf(long, 1, place)).toThrow(
      "is a text of 11000 characters, neither a path nor a picture in base64",
    );
  });
});

test("a list that Python printed is read once through, however it ends", () => {
  const layout = { images: ["images"], others: [] } as never;
  const valuesOf = (images: string): readonly unknown[] => pictureValues({ images }, layout, true).values;
  expect(valuesOf("['a.png', 'b\\'s.png' ,]")).toEqual(["a.png", "b's.png"]);
  expect(valuesOf("[ ]")).toEqual([]);
  for (const odd of ["['a.png'] and more", "['a.png", "[1, 'a']", "['a', b]"]) expect(valuesOf(odd)).toEqual([odd]);
  // Each of these took time with the square of its length.
  for (const hostile of [
    `[${"'a\\'".repeat(200_000)}`,
    `['a'${" ".repeat(1_000_000)}x`,
    `[${"'a' , ".repeat(200_000)}'`,
  ])
    expect(valuesOf(hostile)).toEqual([hostile]);
});
