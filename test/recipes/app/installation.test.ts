import { expect, test } from "vitest";

interface Installation {
  installationProblem(error: unknown): string | null;
}

const { installationProblem } = (await import(
  new URL("../../../recipes/app/installation.mjs", import.meta.url).href
)) as Installation;

test("an installation without optional packages is told how to get them; other errors stay what they are", () => {
  const absent = new Error(
    'Could not load the "sharp" module using the linux-x64 runtime\nPossible solutions:\n- Ensure optional dependencies can be installed:',
  );
  expect(installationProblem(absent)).toMatch(
    /^sharp's program for \w+-\w+ is not installed.* npm install --ignore-scripts --include=optional$/,
  );
  for (const other of [new Error("Cannot find module 'zod'"), "text", undefined, null])
    expect(installationProblem(other)).toBeNull();
});
