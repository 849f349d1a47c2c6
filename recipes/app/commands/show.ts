/** `papo show`: a recipe with every number in force, beside the formula and the option that it belongs to. */
import { textCommand } from "../command-line/command.ts";
import { runFileMistakes, setOption } from "../command-line/run-file-options.ts";
import { aboutPlugin } from "../show/catalogue.ts";
import { readRecipe, type DescribedPlugin, type DescribedRecipe } from "../show/recipe.ts";
import { columns, wrapped } from "../show/text.ts";
import { say } from "../display/say.ts";

export const show = textCommand({
  name: "show",
  forms: ["<preset | run.ts | run folder>"],
  summary: [
    "Print a recipe: its settings, and each plugin's formula with its options, their symbols and the values in force; of a run file its model, data, evaluation and reward too.",
    "Options may stand behind it: papo:gamma=0.04, run.ts:plugins.PerceptionKlPlugin.coefficient=0.02.",
  ],
  options: setOption,
  positionals: [1, 1],
  besides: ({ values, positionals }) => runFileMistakes(positionals, values),
  async run({ values: { set }, positionals: [name] }) {
    say(showRecipe(await readRecipe(name!, set)));
  },
});

/** At most 120 columns wide, unless a value is longer. */
export function showRecipe({ name, source, settings, plugins, inputs }: DescribedRecipe): string {
  const asked =
    inputs === null
      ? []
      : [
          "",
          "inputs",
          ...columns(
            Object.entries(inputs).map(([input, value]) => [input, text(value)]),
            ["  ", "  "],
          ),
        ];
  const values = columns(
    Object.entries(settings).map(([setting, value]) => [setting, text(value)]),
    ["  ", "  "],
  );
  return [
    `${name}`,
    ...wrapped(source, 2),
    ...asked,
    "",
    "settings",
    ...values,
    "",
    "plugins, in order",
    ...plugins.flatMap(showPlugin),
  ].join("\n");
}

function showPlugin({ name, options }: DescribedPlugin): string[] {
  const known = aboutPlugin(name);
  const rows = Object.entries(options).map(([option, value]) => {
    const about = known?.options.find((entry) => entry.name === option);
    return [about?.symbol ?? "", option, text(value), about?.text ?? ""];
  });
  return [
    "",
    `  ${name}${known === undefined ? "" : `  (${known.file}${known.method === null ? "" : `; ${known.method}`})`}`,
    ...wrapped(known?.what ?? "a plugin of your own", 4),
    ...columns(rows, ["    ", "  ", "  ", "  "]),
  ];
}

const text = (value: unknown): string =>
  typeof value === "string"
    ? value
    : JSON.stringify(value, (_key, part: unknown) => (typeof part === "number" ? Number(part.toPrecision(6)) : part));
