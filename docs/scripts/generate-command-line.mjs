/**
 * Writes docs/command-line.md, every command with its options and the events of `--json`, from their tables: `npm run
 * docs`. A test compares the committed page with what this makes.
 */
import { realpathSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { z } from "zod";
import { commands } from "../../recipes/app/cli.ts";
import { commonOptions, optionRows, usageLines } from "../../recipes/app/command-line/help.ts";
import { jsonEvents } from "../../recipes/app/display/json-events.ts";
import { foldMarkdown } from "./fold.mjs";

const target = new URL("../command-line.md", import.meta.url);
const cell = (text) => text.replaceAll("|", "\\|").replaceAll("<", "&lt;");

const optionTable = (options) => [
  "| option | |",
  "|---|---|",
  ...optionRows(options).map(([name, text]) => `| \`${name.replaceAll("|", "\\|")}\` | ${cell(text)} |`),
];

function commandSection(command) {
  const table = Object.keys(command.options).length === 0 ? [] : ["", ...optionTable(command.options)];
  return [
    `## papo ${command.name}`,
    "",
    "```",
    ...usageLines(command),
    "```",
    "",
    ...command.summary.map(cell),
    ...table,
    "",
  ];
}

/** "list of text", "number or null" */
function typeText(json) {
  const types = json.anyOf === undefined ? [json.type].flat() : json.anyOf.map(typeText);
  const words = { string: "text", integer: "whole number", array: "list of text", object: "object" };
  return types.map((type) => words[type] ?? type).join(" or ");
}

function eventRow([name, schema]) {
  const { properties, description } = z.toJSONSchema(schema);
  const fields = Object.entries(properties).map(
    ([field, json]) =>
      `\`${field}\`: ${typeText(json)}${json.description === undefined ? "" : `, ${json.description}`}`,
  );
  return `| \`${name}\` | ${description} | ${fields.join("<br>")} |`;
}

export function renderCommandLine() {
  return foldMarkdown(
    [
      "# The command line",
      "",
      "This page is made from the commands' own tables by `npm run docs`; `npx papo <command> --help` prints the same. A mistake in the arguments is told with all others, and with what was meant.",
      "The exit code is 0, or 1 where a command fails or finds something wrong, or 2 for a command that there is not.",
      "",
      "Every command takes:",
      "",
      ...optionTable(commonOptions),
      "",
      ...[...commands.values()].flatMap(commandSection),
      "## --json",
      "",
      "Commands that show how far they are print one event a line on standard output, each an object with its name in `event`, its moment in `time` (ISO 8601, UTC) and these fields:",
      "",
      "| event | when | fields |",
      "|---|---|---|",
      ...Object.entries(jsonEvents).map(eventRow),
      "",
      'Numbers that JSON has no word for are `"NaN"`, `"Infinity"` and `"-Infinity"`. Each response with its reward is in the run\'s samples.jsonl and rewards/, not here. Further events may be added; the fields of these stay.',
      "",
      "```",
      'npx papo train run.ts --json | jq -r \'select(.event == "step") | [.step, .metrics["reward/mean"]] | @tsv\'',
      "```",
      "",
    ].join("\n"),
  );
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url))
  writeFileSync(target, renderCommandLine());
