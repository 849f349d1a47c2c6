/** Calls of the functions in what a plugin registered. */
import { isThenable } from "../messages/describe.ts";
import { pluginError } from "../messages/plugin-error.ts";
import { within } from "./time-limit.ts";

/** They carry the plugin's name into errors, have a limit of time, and their results are checked. */
export class Calls {
  readonly #plugin: string;
  readonly #what: string;
  readonly #limitSeconds: number;

  constructor(plugin: string, what: string, limitSeconds: number) {
    this.#plugin = plugin;
    this.#what = what;
    this.#limitSeconds = limitSeconds;
  }

  now<T>(which: string, work: () => T, fault: (result: unknown) => string | null, wanted: string): T {
    return this.#named(which, () => {
      const result = work();
      if (isThenable(result)) {
        result.then(undefined, () => undefined);
        throw new Error("it returned a promise, and nobody waits for it; give a function that is not async");
      }
      return checked(result, fault, wanted);
    });
  }

  async later<T>(
    which: string,
    work: () => unknown,
    fault: (result: unknown) => string | null,
    wanted: string,
  ): Promise<T> {
    try {
      return checked((await within(this.#limitSeconds, work)) as T, fault, wanted);
    } catch (thrown) {
      throw pluginError(this.#plugin, `${this.#what} (${which})`, thrown);
    }
  }

  #named<T>(which: string, work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      throw pluginError(this.#plugin, `${this.#what} (${which})`, thrown);
    }
  }
}

function checked<T>(result: T, fault: (result: unknown) => string | null, wanted: string): T {
  const wrong = fault(result);
  if (wrong !== null) throw new Error(`it returned ${wrong}; return ${wanted}`);
  return result;
}
