/**
 * How the imports of a user's modules are resolved. Plain JavaScript: where Node has no synchronous hooks, it runs this
 * file in a thread of its own.
 */

const ownPackages = ["@papo/core", "@papo/plugins", "@papo/recipes"];
const isOwn = (specifier) => ownPackages.some((name) => specifier === name || specifier.startsWith(`${name}/`));
/** Names of packages: no path, no address, no builtin module. */
const packageName = /^(?![a-zA-Z]+:)[^./]/;
const typescript = /^file:(?!.*\/node_modules\/).*\.tsx?$/;
/** What tsx adds to the address of a file that it takes for CommonJS. */
const asCommonJs = /(?:%3F|\?)tsx-commonjs.*$/;

/** A hook `resolve` of Node. @param from the address of a module that sees the project's packages */
export const resolveFrom = (from) => (specifier, context, next) => {
  const here = () => next(specifier, context);
  const there = () => next(specifier, { ...context, parentURL: from });
  if (isOwn(specifier)) return asModule(attempt(there, here));
  return asModule(packageName.test(specifier) ? attempt(here, there) : here());
};

/** The second way where the first fails; the first's error where both do. Either may be asynchronous. */
function attempt(first, second) {
  const otherwise = (error) => {
    const fail = () => {
      throw error;
    };
    try {
      const found = second();
      return found instanceof Promise ? found.catch(fail) : found;
    } catch {
      return fail();
    }
  };
  try {
    const found = first();
    return found instanceof Promise ? found.catch(otherwise) : found;
  } catch (error) {
    return otherwise(error);
  }
}

/**
 * TypeScript is read as ES modules: in a folder without `"type": "module"` it would be CommonJS, which cannot wait for
 * what it imports.
 */
function asModule(found) {
  if (found instanceof Promise) return found.then(asModule);
  const url = found.url.replace(asCommonJs, "");
  return typescript.test(url.split("?")[0]) ? { ...found, url, format: "module" } : found;
}

let resolver = null;

/** Called by Node in the hooks' own thread. */
export function initialize({ from }) {
  resolver = resolveFrom(from);
}

export const resolve = (specifier, context, next) => resolver(specifier, context, next);
