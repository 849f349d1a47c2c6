/** Options as they are written behind a name on the command line: "gamma=0.04,mode=paper". */

/** Parts between commas; those within brackets, braces and quotes are a part's own. */
export function splitValues(text: string): string[] {
  const values: string[] = [""];
  let [depth, quoted] = [0, false];
  for (const character of text) {
    if (character === '"') quoted = !quoted;
    if (!quoted && "[{".includes(character)) depth++;
    if (!quoted && "]}".includes(character)) depth--;
    if (character === "," && depth === 0 && !quoted) values.push("");
    else values[values.length - 1] += character;
  }
  return values.map((value) => value.trim());
}

/** @param within what is written as a whole, for the error. @throws Error for a part that is no name=value */
export function splitOptions(text: string, within: string): (readonly [name: string, value: string])[] {
  return splitValues(text).map((pair) => {
    const at = pair.indexOf("=");
    if (at <= 0 || at === pair.length - 1) throw new Error(`"${pair}" in "${within}" is no option; write name=value`);
    return [pair.slice(0, at).trim(), pair.slice(at + 1)] as const;
  });
}

/**
 * A run file with options of it changed, as it is written: "my-run.ts",
 * "my-run.ts:plugins.PerceptionKlPlugin.coefficient=0.02".
 */
export interface WrittenRunFile {
  readonly file: string;
  /** "path=value" each, see `withOverrides`. */
  readonly set: readonly string[];
}

/**
 * Null for what names no module: a preset, a folder. A comma after the file is read as a colon. @throws Error for
 * options that are none
 */
export function writtenRunFile(text: string): WrittenRunFile | null {
  const [, file, options] = /^(.+?\.[cm]?[jt]s)(?:[:,](.*))?$/s.exec(text) ?? [];
  if (file === undefined) return null;
  return { file, set: options === undefined ? [] : splitOptions(options, text).map((pair) => pair.join("=")) };
}
