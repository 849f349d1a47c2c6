import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { flush, writeFileAtomic, writeFolderAtomic } from "../../../core/machine/atomic-file.ts";

let folder = "";
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "atomic-file-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** Fills the temporary folder with one file in a folder of its own. */
const fillWith =
  (content: string) =>
  (temporary: string): Promise<void> => {
    mkdirSync(join(temporary, "deep"), { recursive: true });
    writeFileSync(join(temporary, "deep/file"), content);
    return Promise.resolve();
  };

describe("writeFileAtomic", () => {
  it("writes and replaces, and leaves no other file", () => {
    const file = join(folder, "state.json");
    for (const content of ["one, and longer", "two"]) {
      writeFileAtomic(file, content);
      expect(readFileSync(file, "utf8")).toBe(content);
    }
    expect(readdirSync(folder)).toEqual(["state.json"]);
  });

  it("keeps the file as it was when the new one cannot be written", () => {
    const file = join(folder, "state.json");
    writeFileSync(file, "old");
    mkdirSync(`${file}.partial`);
    expect(() => {
      writeFileAtomic(file, "new");
    }).toThrow(/EISDIR/);
    expect(readFileSync(file, "utf8")).toBe("old");
  });
});

describe("writeFolderAtomic", () => {
  it("gives the folder its name only when it is whole", async () => {
    const target = join(folder, "step-1");
    await writeFolderAtomic(target, async (temporary) => {
      await fillWith("whole")(temporary);
      expect(readdirSync(folder)).toEqual(["step-1.partial"]);
    });
    expect(readdirSync(folder)).toEqual(["step-1"]);
    expect(readFileSync(join(target, "deep/file"), "utf8")).toBe("whole");
  });

  it("replaces a folder, and what a killed process left of another try", async () => {
    const target = join(folder, "step-1");
    for (const left of [target, `${target}.partial`]) {
      mkdirSync(left);
      writeFileSync(join(left, "left"), "");
    }
    await writeFolderAtomic(target, fillWith("new"));
    expect(readdirSync(folder)).toEqual(["step-1"]);
    expect(readdirSync(target)).toEqual(["deep"]);
  });

  it("keeps the folder before, and nothing of the new one, when filling fails", async () => {
    const target = join(folder, "step-1");
    await writeFolderAtomic(target, fillWith("old"));
    const failing = writeFolderAtomic(target, async (temporary) => {
      await fillWith("new")(temporary);
      throw new Error("the disk is full");
    });
    await expect(failing).rejects.toThrow("the disk is full");
    expect(readdirSync(folder)).toEqual(["step-1"]);
    expect(readFileSync(join(target, "deep/file"), "utf8")).toBe("old");
  });
});

it("flush takes files and folders, and tells of what is not there", () => {
  const file = join(folder, "file");
  writeFileSync(file, "content");
  for (const path of [file, folder])
    expect(() => {
      flush(path);
    }).not.toThrow();
  expect(() => {
    flush(join(folder, "absent"));
  }).toThrow(/ENOENT/);
});
