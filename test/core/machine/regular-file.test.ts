import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { openRegularFileSync, readRegularFile } from "../../../core/machine/regular-file.ts";
import { readJson } from "../../../core/model/files/json.ts";
import { loadPicture } from "../../../core/model/processing/picture.ts";

const folder = mkdtempSync(join(tmpdir(), "regular-"));
afterAll(() => rmSync(folder, { recursive: true }));

writeFileSync(join(folder, "file"), "abc");
symlinkSync("file", join(folder, "link"));

test("a file is read, by a link too, and refused by its size", async () => {
  expect((await readRegularFile(join(folder, "file"), 3)).toString()).toBe("abc");
  expect((await readRegularFile(join(folder, "link"), 3)).toString()).toBe("abc");
  await expect(readRegularFile(join(folder, "file"), 2)).rejects.toThrow(
    "it has 3 bytes, more than the 2 that are read",
  );
  await expect(loadPicture(join(folder, "file"), undefined, { maxFilePixels: 0.25 })).rejects.toThrow(
    /cannot read the picture .*it has 3 bytes, more than the 2/,
  );
});

describe.skipIf(process.platform === "win32")("what is no file is refused, and not waited for", () => {
  execFileSync("mkfifo", [join(folder, "pipe")]);
  test.each([
    ["a pipe", join(folder, "pipe")],
    ["a device", "/dev/zero"],
    ["a folder", folder],
  ])("%s", async (what, path) => {
    await expect(readRegularFile(path, 10)).rejects.toThrow(`it is ${what}, and not a file`);
    expect(() => openRegularFileSync(path)).toThrow(`it is ${what}, and not a file`);
    await expect(loadPicture(path)).rejects.toThrow(`it is ${what}, and not a file`);
    await expect(readJson(path)).rejects.toThrow(`it is ${what}, and not a file`);
  });
});
