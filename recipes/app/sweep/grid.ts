/** The configurations of a sweep: every combination of the values that are varied, each with every seed. */
import { createHash } from "node:crypto";
import { overriddenPath } from "../../run-file/overrides.ts";
import { splitValues } from "../../run-file/written-options.ts";

/** An option with the values that it takes in turn, as they are written. */
export interface Varied {
  /** "settings.learningRate" */
  readonly path: string;
  /** Its shortest ending that no other has: "learningRate". */
  readonly name: string;
  readonly values: readonly string[];
}

export interface Configuration {
  /** "learningRate=1e-6, coefficient=0.02"; "" where nothing but the seed is varied. */
  readonly label: string;
  /** As many as what is varied. */
  readonly values: readonly string[];
  /** "path=value" each, to be set over the run file. */
  readonly set: readonly string[];
}

/**
 * Read "path=first,second,…"; commas within brackets, braces and quotes are a value's own. @param fixed what `--set`
 * sets, "path=value" each
 */
export function readGrid(written: readonly string[], fixed: readonly string[], mistakes: string[]): Varied[] {
  const read = written.flatMap((text) => {
    const path = overriddenPath(text);
    const values = path === "" ? [] : splitValues(text.slice(text.indexOf("=") + 1));
    const wrong =
      path === "" || values.includes("")
        ? "write path=first,second: settings.learningRate=1e-6,1e-5"
        : values.length < 2
          ? `one value is none to vary: --set ${text} sets it`
          : new Set(values).size < values.length
            ? "a value stands there twice"
            : null;
    if (wrong !== null) mistakes.push(`--vary ${text}: ${wrong}`);
    return wrong === null ? [{ path, values }] : [];
  });
  const paths = read.map(({ path }) => path);
  for (const path of new Set(paths.filter((own, at) => paths.indexOf(own) !== at)))
    mistakes.push(`--vary ${path} is given twice: name its values together`);
  for (const path of new Set(fixed.map(overriddenPath)))
    if (paths.includes(path)) mistakes.push(`${path} is both varied and set: give one of them`);
  return read.map(({ path, values }) => ({ path, values, name: shortest(path, paths) }));
}

/** All combinations, the last option changing fastest. */
export function configurationsOf(varied: readonly Varied[]): Configuration[] {
  const combinations = varied.reduce<string[][]>(
    (before, { values }) => before.flatMap((own) => values.map((value) => [...own, value])),
    [[]],
  );
  return combinations.map((values) => ({
    values,
    label: values.map((value, at) => `${varied[at]!.name}=${value}`).join(", "),
    set: values.map((value, at) => `${varied[at]!.path}=${value}`),
  }));
}

/** A folder's name: readable, and another for another configuration. */
export function folderName({ label, set }: Configuration, seed: number): string {
  const plain = label.replaceAll(", ", ",").replace(/[^\w.=,+-]+/g, "-");
  const same = plain === label.replaceAll(", ", ",") && plain.length <= 80;
  const short = same
    ? plain
    : `${plain.slice(0, 70)}-${createHash("sha256").update(JSON.stringify(set)).digest("hex").slice(0, 8)}`;
  return `${short === "" ? "" : `${short},`}seed=${seed}`;
}

function shortest(path: string, all: readonly string[]): string {
  const parts = path.split(".");
  const endings = parts.map((_, at) => parts.slice(parts.length - 1 - at).join("."));
  return (
    endings.find((ending) => all.filter((other) => other === ending || other.endsWith(`.${ending}`)).length < 2) ?? path
  );
}
