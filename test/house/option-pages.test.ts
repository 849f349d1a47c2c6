import { expect, test } from "vitest";
import { projectText } from "./project-files.ts";

const settings = (await import(new URL("../../docs/scripts/generate-settings.mjs", import.meta.url).href)) as { renderSettings(): string };
const commandLine = (await import(new URL("../../docs/scripts/generate-command-line.mjs", import.meta.url).href)) as { renderCommandLine(): string };

test("docs/settings.md is what schemas and doc comments make (npm run docs)", () => {
  const page = settings.renderSettings();
  expect(projectText("docs/settings.md")).toBe(page);
  const rows = page.split("\n").filter((line) => /^\| `[\w.]+` \|/.test(line)).map((line) => line.split(" | ").map((part) => part.trim()));
  expect(rows.length).toBeGreaterThan(200);
  for (const row of rows.filter((cells) => cells.length === 6)) expect(row[4], row[0]).not.toBe("");
  expect(page).toMatch(/\| `optimizer\.maxGradientNorm` \| `1` \| number > 0 or null \| L2 norm \| .* \| TRL: `max_grad_norm`; verl: .*; EasyR1: `worker\.actor\.max_grad_norm` \|/);
  expect(page).toMatch(/\| `clipHigh` \| `0\.28` \| number \|.*TRL: `epsilon_high`/);
});

test("docs/command-line.md is what the commands' tables make (npm run docs)", () => {
  expect(projectText("docs/command-line.md")).toBe(commandLine.renderCommandLine());
});
