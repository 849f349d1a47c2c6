/** `papo diff`: what differs between two recipes, and whether a baseline is one. */
import { textCommand } from "../command-line/command.ts";
import { aboutPlugin } from "../show/catalogue.ts";
import { readRecipe, type DescribedPlugin, type DescribedRecipe } from "../show/recipe.ts";
import { say } from "../display/say.ts";

export const diff = textCommand({
  name: "diff",
  forms: ["<preset | run.ts | run folder> <preset | run.ts | run folder>"],
  summary: [
    "List the settings, plugins and options that differ, of two run files their model, data, evaluation and reward too, and warn of a baseline that has a method's term on.",
    "Options may stand behind either: papo papo:gamma=0.04; run.ts run.ts:settings.learningRate=1e-5.",
  ],
  options: {},
  positionals: [2, 2],
  async run({ positionals: [left, right] }) {
    const recipes = [await readRecipe(left!), await readRecipe(right!)] as const;
    say(differences(...recipes).join("\n") || "They are the same.");
    for (const warning of recipes.flatMap(impureBaseline)) say(`\nwarning: ${warning}`);
  },
});

/** One line per difference, inputs and settings first; empty when there is none. */
export function differences(left: DescribedRecipe, right: DescribedRecipe): string[] {
  const inputs = left.inputs === null || right.inputs === null ? [] : changes(left.inputs, right.inputs);
  const settings = [...inputs, ...changes(left.settings, right.settings)].map(([name, a, b]) => `${name}: ${a} → ${b}`);
  const names = [...new Set([...left.plugins, ...right.plugins].map(({ name }) => name))];
  const plugins = names.flatMap((name) => {
    const [a, b] = [left, right].map((recipe) => recipe.plugins.find((plugin) => plugin.name === name)) as [
      DescribedPlugin | undefined,
      DescribedPlugin | undefined,
    ];
    if (a === undefined) return [`+ ${name} ${JSON.stringify(b!.options)}`];
    if (b === undefined) return [`− ${name} ${JSON.stringify(a.options)}`];
    return changes(a.options, b.options).map(([option, from, to]) => `${name}.${option}: ${from} → ${to}`);
  });
  const shared = (recipe: DescribedRecipe, other: DescribedRecipe): string =>
    recipe.plugins
      .map(({ name }) => name)
      .filter((name) => other.plugins.some((plugin) => plugin.name === name))
      .join(", ");
  const order =
    shared(left, right) === shared(right, left) ? [] : [`order: ${shared(left, right)} → ${shared(right, left)}`];
  return [...settings, ...plugins, ...order];
}

function changes(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
): [string, string, string][] {
  const text = (value: unknown): string => (value === undefined ? "(none)" : JSON.stringify(value));
  return [...new Set([...Object.keys(a), ...Object.keys(b)])]
    .map((name) => [name, text(a[name]), text(b[name])] as [string, string, string])
    .filter(([, from, to]) => from !== to);
}

/**
 * A warning for each method whose plugins a recipe holds that is called a baseline. A plugin whose coefficient is 0
 * does nothing.
 */
export function impureBaseline({ name, baseline, plugins }: DescribedRecipe): string[] {
  if (!baseline) return [];
  const on = plugins.flatMap((plugin) => {
    const method = aboutPlugin(plugin.name)?.method ?? null;
    return method === null || plugin.options["coefficient"] === 0 ? [] : [{ plugin, method }];
  });
  return [...new Set(on.map(({ method }) => method))].map((method) => {
    const which = on
      .filter((entry) => entry.method === method)
      .map(({ plugin }) =>
        plugin.options["coefficient"] === undefined
          ? plugin.name
          : `${plugin.name} (coefficient ${JSON.stringify(plugin.options["coefficient"])})`,
      );
    return `${name} is called a baseline and has ${method} on: ${which.join(", ")}`;
  });
}
