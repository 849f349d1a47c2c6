import { expect, test } from "vitest";
import { projectText } from "./project-files.ts";

const settings = (await import(new URL("../../docs/scripts/generate-settings.mjs", import.meta.url).href)) as {
  renderSettings(): string;
};
const commandLine = (await import(new URL("../../docs/scripts/generate-command-line.mjs", import.meta.url).href)) as {
  renderCommandLine(): string;
};

test("docs/settings.md is what schemas and doc comments make (npm run docs)", () => {
  const page = settings.renderSettings();
  expect(projectText("docs/settings.md")).toBe(page);
  const rows = page
    .split("\n")
    .filter((line) => /^\| `[\w.]+` \|/.test(line))
    .map((line) => line.split(" | ").map((part) => part.trim()));
  expect(rows.length).toBeGreaterThan(200);
  for (const row of rows.filter((cells) => cells.length === 6)) expect(row[4], row[0]).not.toBe("");
  // Every number has a unit, "count" or "–", and every option says what it may be.
  const told = page
    .split("\n")
    .filter((line) => /^\| `[\w.]+` \|/.test(line))
    .map((line) => line.split(/(?<!\\)\|/).map((part) => part.trim()))
    .filter((cells) => cells.length === 8);
  expect(told.length).toBeGreaterThan(200);
  expect(
    told.filter(([, , , range, unit]) => /number/.test(range!) && unit === "").map(([, option]) => option),
  ).toEqual([]);
  expect(page).not.toContain("see what it does");
  expect(page).toMatch(/\| `passRate` \| `null` \| a function/);
  expect(page).toMatch(
    /\| `optimizer\.maxGradientNorm` \| `1` \| number > 0 or null \| L2 norm \| .* \| TRL: `max_grad_norm`; verl: .*; EasyR1: `worker\.actor\.max_grad_norm` \|/,
  );
  expect(page).toMatch(/\| `clipHigh` \| `0\.28` \| number \|.*TRL: `epsilon_high`/);
});

test("docs/command-line.md is what the commands' tables make (npm run docs)", () => {
  expect(projectText("docs/command-line.md")).toBe(commandLine.renderCommandLine());
});
