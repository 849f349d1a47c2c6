/** Importing modules that users write: run files, rewards, plugins. */
import * as nodeModule from "node:module";

/** Node's own, where it has them: from 22.15 on. */
const { register, registerHooks } = nodeModule as typeof nodeModule & { registerHooks?: (hooks: object) => void };

const hooks = new URL("./resolve-hooks.mjs", import.meta.url);

/** Where this code is TypeScript itself, whoever started the thread made Node read it. */
const isSource = import.meta.url.endsWith(".ts");

let ready: Promise<void> | null = null;

/**
 * Import a module that a user wrote: TypeScript or JavaScript, in a folder with or without `"type": "module"`, wherever
 * it lies. TypeScript is read as an ES module always. What it imports of the project's packages is what runs already,
 * and a package that is not installed beside it is looked for where the project's packages lie.
 * @param from the address of a module that sees the project's packages: import.meta.url of the caller
 */
export async function importModule(file: URL, from: string): Promise<Readonly<Record<string, unknown>>> {
  await (ready ??= prepare(from));
  return (await import(file.href)) as Readonly<Record<string, unknown>>;
}

/** Once per thread. */
async function prepare(from: string): Promise<void> {
  if (!isSource) (await import("tsx/esm/api")).register();
  if (registerHooks === undefined) register(hooks, { data: { from } });
  else
    registerHooks({
      resolve: ((await import(hooks.href)) as { resolveFrom(from: string): unknown }).resolveFrom(from),
    });
}
