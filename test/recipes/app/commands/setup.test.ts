import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";

const root = join(import.meta.dirname, "../../../..");
const papo = (args: readonly string[], environment: Readonly<Record<string, string>> = {}) =>
  spawnSync(process.execPath, [join(root, "recipes/papo.mjs"), ...args], {
    encoding: "utf8",
    env: { ...process.env, ...environment },
  });

test("setting up names what the machine lacks, and touches nothing", () => {
  // A PATH without Python and compiler.
  const { status, stderr } = papo(["setup", "tensorflow", "--again"], { PATH: "/nowhere" });
  expect(status).toBe(1);
  expect(stderr).toContain(
    'setting up TensorFlow needs python3 and python3 -m pip and g++: install what is missing; the executor "onnxruntime" needs none of it',
  );
});

test("setting up OpenXLA needs Python alone", () => {
  const { status, stderr } = papo(["setup", "xla", "--again"], { PATH: "/nowhere" });
  expect(status).toBe(1);
  expect(stderr).toContain("setting up OpenXLA needs python3 and python3 -m pip: install what is missing");
});

test("setting up something else shows the usage", () => {
  const { status, stderr } = papo(["setup", "cuda"]);
  expect(status).toBe(1);
  expect(stderr).toContain(
    'there is no "cuda"; there are tensorflow, xla\nusage: papo setup <tensorflow | xla> [options]',
  );
});

test("the doctor names executors, machine and what to do", () => {
  const { status, stdout } = papo(["doctor"]);
  expect(status).toBe(0);
  expect(stdout).toMatch(/^machine {6}.*\d+ threads, \d+ GiB; Node \d+\.\d+/m);
  expect(stdout).toMatch(/^onnxruntime {2}\d+\.\d+\.\d+: ready/m);
  expect(stdout).toMatch(/^xla {10}(not set up|[a-z0-9-]+ \d+\.\d+\.\d+.*: ready)/m);
  expect(stdout).toMatch(/^tensorflow {3}(not set up|\d+\.\d+\.\d+, with)/m);
  expect(stdout.trim().split("\n").at(-1)).toMatch(/\.$/);
});
