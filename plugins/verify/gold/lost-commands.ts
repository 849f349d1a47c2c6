/**
 * LaTeX that was written into JSON or a string literal with single backslashes: "\frac" became a form feed and "rac",
 * "\times" a tab and "imes". Where the control character can only have been a command, its backslash and letter are put
 * back.
 */

const letters: Readonly<Record<string, string>> = {
  "\f": "f",
  "\b": "b",
  "\v": "v",
  "\u0007": "a",
  "\t": "t",
  "\r": "r",
  "\n": "n",
};

/**
 * What may follow a tab or a line's end that was a command; the others never stand in a text, so that any letter after
 * them will do.
 */
const after: Readonly<Record<string, RegExp>> = {
  "\t": /^(?:imes|heta|an|anh|ext(?:bf|it|rm|tt|sf|normal|color|style)?|o|au|riangle|frac|binom|herefore|op|ilde)(?![a-zA-Z])/,
  "\r": /^(?:ight(?:arrow)?|ho|angle|ceil|floor|brace|brack|vert|m|Vert|ightharpoonup)(?![a-zA-Z])/,
  "\n": /^(?:e|eq|u|abla|otin|ot|mid|eg|i|exists|subseteq|parallel|leq|geq)(?![a-zA-Z])\s*(?=[-\d\\(a-zA-Z=]|$)/,
};

export interface Restored {
  readonly text: string;
  /** How many commands got their backslash back. */
  readonly count: number;
}

/** Put back the commands that a text lost to control characters. */
export function restoreCommands(text: string): Restored {
  let count = 0;
  const restored = text.replace(/[\f\b\v\u0007\t\r\n](?=[a-zA-Z])/g, (control: string, at: number) => {
    const rest = text.slice(at + 1, at + 24);
    const known = after[control];
    if (known !== undefined && !(known.test(rest) && isFormula(text, control, at))) return control;
    count++;
    return `\\${letters[control]!}`;
  });
  return { text: restored, count };
}

/** A line's end parts words too: between words it stays one. */
const isFormula = (text: string, control: string, at: number): boolean =>
  control !== "\n" ||
  (!/[a-zA-Z]{3,}[ .,;:!?]*$/.test(text.slice(Math.max(0, at - 20), at)) &&
    !/^[a-z]+ [a-zA-Z]{2,}/.test(text.slice(at + 1, at + 24)));
