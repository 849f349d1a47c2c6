import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isRunning, removeLeftovers } from "../../../core/machine/leftovers.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "leftovers-"));
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("what ended processes left goes; what may be under way, and everything else, stays", () => {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  expect([isRunning(pid), isRunning(process.pid), isRunning(0)]).toEqual([false, true, false]);
  const old = new Date(Date.now() - 3_600_000);
  const left = (name: string, when: Date | null): void => {
    const path = join(folder, name);
    mkdirSync(path);
    writeFileSync(join(path, "model.safetensors"), "");
    if (when !== null) for (const one of [join(path, "model.safetensors"), path]) utimesSync(one, when, when);
  };
  left(`model.${pid}.tmp`, old);
  left(`model.${process.pid}.tmp`, old);
  left(`other.${pid}.tmp`, old);
  left("model.tmp", old);
  removeLeftovers(join(folder, "model"));
  expect(readdirSync(folder).sort()).toEqual([`model.${process.pid}.tmp`, "model.tmp", `other.${pid}.tmp`].sort());
  left(`model.${pid}.tmp`, null);
  removeLeftovers(join(folder, "model"));
  expect(readdirSync(folder)).toContain(`model.${pid}.tmp`);
});
