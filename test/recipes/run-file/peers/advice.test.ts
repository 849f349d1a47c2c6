import { optionPaths, optionsOrigin, OptionsError, parseSettings, settingsSchema, type Plugin } from "@papo/core";
import * as plugins from "@papo/plugins";
import { dapo, grpo } from "@papo/recipes";
import { expect, test } from "vitest";
import { counterparts } from "../../../../recipes/run-file/peers/counterparts.ts";

const messageOf = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
};

test.each([
  [{ max_grad_norm: 1 }, 'did you mean "optimizer.maxGradientNorm" (max_grad_norm of TRL and EasyR1)?'],
  [{ num_generations: 8 }, 'did you mean "samplesPerPrompt" (num_generations of TRL)?'],
  [{ rollout: { n: 5 } }, 'did you mean "samplesPerPrompt" (rollout.n of verl and EasyR1)?'],
  [{ beta: 0.04 }, "did you mean grpo({ referenceKl }) (beta of TRL)?"],
  [{ epsilon_high: 0.28 }, "did you mean grpo({ clipHigh }) (epsilon_high of TRL)?"],
  [{ learning_rate: 1e-6 }, 'did you mean "learningRate" (learning_rate of TRL)?'],
  [
    { kl_coef: 0.01 },
    "did you mean grpo({ referenceKl }) (kl_coef of EasyR1) or new ReferenceKlRewardPlugin({ coefficient }) (kl_coef of verl and EasyR1)?",
  ],
  [
    { epsilon: 0.2 },
    'did you mean "optimizer.epsilon" or grpo({ clipLow }) (epsilon of TRL) or grpo({ clipHigh }) (epsilon of TRL)?',
  ],
  [{ maxGradientNorm: 1 }, 'did you mean "optimizer.maxGradientNorm"?'],
  [{ lr: 1e-6 }, 'did you mean "learningRate" (lr of verl and EasyR1)?'],
])("settings %j", (settings, words) => {
  expect(messageOf(() => parseSettings(settings as object))).toContain(words);
});

test("recipes and plugins know the names too", () => {
  expect(messageOf(() => grpo({ beta: 0.04 } as object))).toContain(
    'grpo: unknown option "beta"; did you mean "referenceKl" (beta of TRL)?',
  );
  expect(messageOf(() => new plugins.ReferenceKlPlugin({ kl_coef: 0.04 } as object))).toContain(
    'did you mean "coefficient" (kl_coef of EasyR1)',
  );
  expect(messageOf(() => dapo({ max_grad_norm: 1 } as object))).toContain(
    'did you mean "settings.optimizer.maxGradientNorm" (max_grad_norm of TRL and EasyR1)?',
  );
});

test("all mistakes are told at once", () => {
  const message = messageOf(() => parseSettings({ max_grad_norm: 1, steps: -1, sampling: { top_p: 2 } } as object));
  expect(message.split("\n")).toHaveLength(3);
  expect(message).toContain('unknown option "sampling.top_p"; did you mean "topP"');
});

/** The options that a plugin class takes. */
function optionsOf(name: string): string[] {
  const made = plugins[name as keyof typeof plugins] as new (
    options: unknown,
  ) => Plugin & { readonly options?: unknown };
  try {
    return optionPaths(optionsOrigin(new made({}).options)?.schema);
  } catch (error) {
    return error instanceof OptionsError ? optionPaths(error.schema) : [];
  }
}

test("what the list says is here is here, and each peer's name leads to it", () => {
  for (const { here, names } of counterparts) {
    const [holder, ...path] = here.split(".");
    if (holder !== "run")
      expect(holder === "settings" ? optionPaths(settingsSchema) : optionsOf(holder!), here).toContain(path.join("."));
    expect(Object.values(names).flat().length, here).toBeGreaterThan(0);
  }
});
