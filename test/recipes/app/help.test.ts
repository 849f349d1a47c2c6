/** What help texts and documents say of options is held against what the commands take. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { commands, main } from "../../../recipes/app/cli.ts";
import { commandHelp, commonOptions } from "../../../recipes/app/command-line/help.ts";
import { preset, tinyPresetNames } from "../../../recipes/presets/index.ts";
import { root } from "../../support/command-line.ts";

/** Names after "--" in a text. */
const optionsIn = (text: string): string[] => [...text.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)].map(([, name]) => name!);

/** Everybody takes these. */
const common = Object.keys(commonOptions);

describe.each([...commands])("papo %s --help", (name, command) => {
  const help = commandHelp(command);

  test("says how it is called, and every option with its default, in 120 columns", () => {
    expect(help.split("\n")[0]).toMatch(new RegExp(`^papo ${name}\\b`));
    for (const [option, about] of Object.entries(command.options)) {
      expect(help).toContain(`  --${option}`);
      if (about.kind !== "flag" && about.default !== undefined)
        expect(help.replaceAll(/\s+/g, " "), option).toContain(`Default: ${[about.default].flat().join(", ")}.`);
    }
    for (const line of help.split("\n")) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  test("stands beside what every command takes", async () => {
    const said = vi.spyOn(console, "log").mockReturnValue(undefined);
    try {
      for (const option of common) expect(await main([name, "anything", `--${option}`, "--help"]), option).toBe(0);
      expect(await main([name, "anything", "--version"])).toBe(0);
      expect(said.mock.calls.map(([text]) => String(text))).toEqual([
        ...common.map(() => help),
        expect.stringMatching(/^papo \d+\.\d+\.\d+/),
      ]);
    } finally {
      said.mockRestore();
    }
  });

  test("names no option that there is not", () => {
    // What stands in backquotes is another command.
    const named = optionsIn(help.replace(/`[^`]*`/g, ""));
    for (const option of named) expect([...common, ...Object.keys(command.options)]).toContain(option);
  });
});

test("the budget of the embedded task is what the help texts say", () => {
  for (const name of tinyPresetNames) expect(preset(name).settings.steps, name).toBe(60);
  for (const name of ["demo", "compare"])
    expect(commandHelp(commands.get(name)!)).toMatch(/Steps of each run; without it 60, and 40 of a shortcut\s+task\./);
});

/** Commands in a document's code blocks and code spans. */
function commandLines(text: string): { readonly name: string; readonly rest: string }[] {
  const code = [...text.matchAll(/```[^\n]*\n([^]*?)```|`([^`\n]+)`/g)].flatMap(([, block, span]) =>
    (block ?? span ?? "").split("\n"),
  );
  return code.flatMap((line) => {
    const bare = line.replace(/\s{2,}#.*$/, "");
    const start = /npm start -- (.*)/.exec(bare);
    const papo = /(?:npx )?\bpapo ([a-z-]+)\b(.*)/.exec(bare);
    return start
      ? [{ name: "demo", rest: start[1]! }]
      : papo && commands.has(papo[1]!)
        ? [{ name: papo[1]!, rest: papo[2]! }]
        : [];
  });
}

test("documents name only options that their commands take", () => {
  const files = [
    "README.md",
    "plugins/README.md",
    ...readdirSync(join(root, "docs"))
      .filter((name) => name.endsWith(".md"))
      .map((name) => `docs/${name}`),
  ];
  const lines = files.flatMap((file) =>
    commandLines(readFileSync(join(root, file), "utf8")).map((line) => ({ file, ...line })),
  );
  expect(lines.length).toBeGreaterThan(15);
  for (const { file, name, rest } of lines) {
    for (const option of optionsIn(rest))
      expect([...common, ...Object.keys(commands.get(name)!.options)], `${file}: papo ${name} --${option}`).toContain(
        option,
      );
  }
});
