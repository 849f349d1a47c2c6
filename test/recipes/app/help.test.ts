/** What help texts and documents say of options is held against what the commands take. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { commands } from "../../../recipes/app/cli.ts";
import { preset, tinyPresetNames } from "../../../recipes/presets/index.ts";
import { root } from "../../support/command-line.ts";

/** Names after "--" in a text. */
const optionsIn = (text: string): string[] => [...text.matchAll(/(?<![\w-])--([a-z][\w-]*)/g)].map(([, name]) => name!);

/** Everybody takes these. */
const common = ["help", "stack"];

describe.each([...commands])("papo %s --help", (name, command) => {
  const help = `${command.usage}\n${command.summary}`;

  test("begins with the command's name", () => {
    expect(command.usage).toMatch(new RegExp(`^papo ${name}\\b`));
  });

  test("names every option, and none that there is not", () => {
    // What stands in backquotes is another command.
    const named = new Set(optionsIn(help.replace(/`[^`]*`/g, "")));
    expect([...named].filter((option) => !common.includes(option)).sort()).toEqual(Object.keys(command.options).sort());
  });

  test("says the values that hold without an option", () => {
    for (const [option, { type, default: value }] of Object.entries(command.options)) {
      if (type === "boolean" || value === undefined) continue;
      const told = [...help.matchAll(new RegExp(`--${option} ([^\\s\\],;:"]+)`, "g"))].map(([, text]) => text!);
      if (name === "eval" && (option === "pictures" || option === "output")) continue; // its value depends on the model and the data, or is a list of all there are
      expect(told, `--${option} in the help of ${name}`).toContain(String(value));
    }
  });
});

test("the budget of the embedded task is what the help texts say", () => {
  for (const name of tinyPresetNames) expect(preset(name).settings.steps, name).toBe(60);
  for (const name of ["demo", "compare"]) expect(commands.get(name)!.usage).toContain("[--steps 60]");
});

/** Commands in a document's code blocks and code spans. */
function commandLines(text: string): { readonly name: string; readonly rest: string }[] {
  const code = [...text.matchAll(/```[^\n]*\n([^]*?)```|`([^`\n]+)`/g)].flatMap(([, block, span]) => (block ?? span ?? "").split("\n"));
  return code.flatMap((line) => {
    const bare = line.replace(/\s{2,}#.*$/, "");
    const start = /npm start -- (.*)/.exec(bare);
    const papo = /(?:npx )?\bpapo ([a-z-]+)\b(.*)/.exec(bare);
    return start ? [{ name: "demo", rest: start[1]! }] : papo && commands.has(papo[1]!) ? [{ name: papo[1]!, rest: papo[2]! }] : [];
  });
}

test("documents name only options that their commands take", () => {
  const files = ["README.md", "plugins/README.md", ...readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md")).map((name) => `docs/${name}`)];
  const lines = files.flatMap((file) => commandLines(readFileSync(join(root, file), "utf8")).map((line) => ({ file, ...line })));
  expect(lines.length).toBeGreaterThan(15);
  for (const { file, name, rest } of lines) {
    for (const option of optionsIn(rest)) expect([...common, ...Object.keys(commands.get(name)!.options)], `${file}: papo ${name} --${option}`).toContain(option);
  }
});
