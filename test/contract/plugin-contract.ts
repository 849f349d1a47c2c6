/** What every plugin must keep to, whatever it does. */
import { existsSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { PluginError, createHost } from "@papo/core";
import type { Host, Plugin, Run } from "@papo/core";
import { lossOf } from "@papo/core/testing";
import type { LossOf } from "@papo/core/testing";
import { ClippedObjectivePlugin } from "@papo/plugins";
import { memory } from "@tensorflow/tfjs-core";
import { expect, it } from "vitest";
import { raggedMinibatch } from "../support/ragged-minibatch.ts";

/** Something for a term of zero weight to disturb. Left out where the plugin under test is an objective itself. */
function base(plugin: Plugin): Plugin[] {
  return "policy" in lossOf([plugin], raggedMinibatch).terms ? [] : [new ClippedObjectivePlugin()];
}

/** Turns off the coefficients that it is given. */
class NoCoefficientsPlugin implements Plugin {
  readonly name = "NoCoefficientsPlugin";
  readonly #names: readonly string[];

  constructor(names: readonly string[]) {
    this.#names = names;
  }

  apply({ hooks }: Run): void {
    hooks.coefficient.tap(this.name, (value, { name }) => (this.#names.includes(name) ? 0 : value));
  }
}

const hostOf = (plugin: Plugin): Host => createHost([plugin], { seed: 1, givenViews: ["masked", "blind", "noisy"] });
const numbers = ({ loss, terms, gradients }: LossOf): unknown => ({ loss, terms, gradients });

/**
 * Run the contract on a plugin; call it inside `describe`.
 * @param options trains: false for a plugin that only measures or acts before the loss, so that its coefficients change
 *   no given minibatch
 */
export function testPlugin(make: () => Plugin, { trains = true }: { readonly trains?: boolean } = {}): void {
  const { name } = make();

  it("has its class's name, in a file of that name", () => {
    expect(name).toBe(make().constructor.name);
    const file = `${name
      .replace(/Plugin$/, "")
      .replace(/(?!^)[A-Z]/g, (letter) => `-${letter}`)
      .toLowerCase()}.ts`;
    const folder = fileURLToPath(new URL("../../plugins/", import.meta.url));
    const found = readdirSync(folder).some((group) => existsSync(`${folder}${group}/${file}`));
    expect(found, `plugins/*/${file}`).toBe(true);
  });

  it("shares no state between runs", () => {
    const plugin = make();
    const first = lossOf([...base(plugin), plugin], raggedMinibatch);
    const untouched = hostOf(plugin).saveState();
    const second = lossOf([...base(plugin), plugin], raggedMinibatch);
    expect(second).toEqual(first);
    expect(untouched).toEqual(hostOf(make()).saveState());
  });

  it("leaves loss and gradients bit-identical while its coefficients are 0", () => {
    const plugin = make();
    const coefficients = Object.keys(hostOf(plugin).coefficients());
    if (coefficients.length === 0) return;
    const without = lossOf(base(plugin), raggedMinibatch);
    const switchedOff = lossOf([...base(plugin), plugin, new NoCoefficientsPlugin(coefficients)], raggedMinibatch);
    expect(numbers(switchedOff)).toEqual(numbers(without));
    const switchedOn = expect(numbers(lossOf([...base(plugin), plugin], raggedMinibatch)));
    if (trains) switchedOn.not.toEqual(numbers(without));
    else switchedOn.toEqual(numbers(without));
  });

  it("rejects unknown options by name", () => {
    const Class = make().constructor as new (options: unknown) => Plugin;
    expect(() => new Class({ noSuchOption: 1 })).toThrow(`${name}: unknown option "noSuchOption"`);
  });

  it("is named when it fails", async () => {
    const { hooks } = hostOf(make());
    for (const hook of Object.keys(hooks).filter((key) => hooks[key as keyof Host["hooks"]].taps.length > 0)) {
      const error = await failureOf(hostOf(make()), hook);
      expect(error, hook).toBeInstanceOf(PluginError);
      expect((error as Error).message).toContain(`${name} failed in hook "${hook}": `);
    }
  });

  it("leaks no tensor", () => {
    lossOf([make()], raggedMinibatch);
    const before = memory().numTensors;
    lossOf([make()], raggedMinibatch);
    expect(memory().numTensors).toBe(before);
  });
}

type Call = (...args: unknown[]) => unknown;

/** What comes of calling a hook with nothing in its arguments. */
async function failureOf(host: Host, hook: string): Promise<unknown> {
  const called = host.hooks[hook as keyof Host["hooks"]] as unknown as { call: Call; promise: Call };
  try {
    await (hook === "coefficient" || hook === "advantages" || hook === "terms" || hook === "weights"
      ? called.call([], null)
      : called.promise(null, null));
    return undefined;
  } catch (error) {
    return error;
  }
}
