/** Reads words: those that are a whole item, and those behind a number, units and what is counted. */
import { plainText } from "./clean.ts";
import { whole, type Node } from "./node.ts";
import { Scanner } from "./scanner.ts";
import { areWords, fractionNamed, mayBeCounted, multiplierOf, numberNamed } from "./words.ts";
import { readUnit } from "../values/units.ts";

/** How ambiguous notation is read. */
export interface Reading {
  /** Which side of ± and ∓ is taken. */
  readonly sign: 1 | -1;
  /** "1,234" is one number, and so is "1 234". */
  readonly thousands: boolean;
  /** "1,5" is a decimal fraction. */
  readonly decimalComma: boolean;
  /** "5 m" is a length. */
  readonly letterUnits: boolean;
}

/** Words behind a unit that say in which way: "years old", "cm long". */
const manner = /\s+(?:old|long|tall|wide|high|deep|in total|total|altogether|each)$/i;

export class WordReader extends Scanner {
  protected readonly reading: Reading;
  /** Whether ambiguous notation was read as `reading` says, and not as plain notation is. */
  asked = false;

  constructor(text: string, reading: Reading) {
    super(text);
    this.reading = reading;
  }

  protected toText(): boolean {
    const before = this.at;
    if (this.textGroup()?.trim() === "to") return true;
    this.at = before;
    return false;
  }

  /** Words that are a whole item, relation's side or entry; null where something else stands here. */
  protected words(): Node | null {
    if (/[①-⑳]/.test(this.peek())) return this.jump(1, () => ({ kind: "text", text: this.text[this.at - 1]! }));
    const rest = this.text.slice(this.at, this.at + 200);
    const found = /^\p{L}[\p{L}\p{M}' -]*/u
      .exec(rest)?.[0]
      .replace(/(?:\s(?:and|or|to)\b|[或和与及且]).*$/s, "")
      .trimEnd();
    if (
      found === undefined ||
      !areWords(found) ||
      !/^\s*(?:[,;)\]}=<>:!?]|\.(?:\s|$)|(?:and|or|to)\b|[或和与及且]|\\(?:[}&]|text|rangle|ne\b|in\b|approx\b|le\b|ge\b)|$)/.test(
        rest.slice(found.length),
      )
    )
      return null;
    this.at += found.length;
    while (this.take("!") || this.take("?"));
    return wordNode(found);
  }

  protected unit(): string | null {
    if (this.take("°"))
      return /^[CF](?![a-zA-Z])/.test(this.text.slice(this.at, this.at + 2))
        ? this.jump(1, () => `°${this.text[this.at - 1]!}`)
        : "°";
    const word = this.textGroup() ?? this.unitWord() ?? this.countedWords();
    if (word === null || /^[\s,;]*(and|or|to|或|和|与|及)?[\s,;]*$/.test(word.toLowerCase())) return null;
    const exponent = /^\s*\^\s*\{?\s*(-?\d)\s*\}?/.exec(this.text.slice(this.at, this.at + 12));
    if (exponent !== null) this.at += exponent[0].length;
    const half = /^\s*([ap])\.?\s?m\.?\s*$/i.exec(word)?.[1];
    if (half !== undefined) return `counted ${half.toLowerCase()}m`;
    if (multiplierOf(word) !== null) return `times ${word.trim()}`;
    const known = readUnit(`${word.trim().replace(manner, "")}${exponent === null ? "" : `^${exponent[1]!}`}`);
    // An unknown word is what is counted.
    if (known !== null) {
      const rest = this.unit();
      return rest === null || rest === "" ? known : `${known} ${rest}`;
    }
    if (!/\p{L}/u.test(word)) return "";
    if (!mayBeCounted(word)) throw this.unreadable();
    return `counted ${plainText(word)}`;
  }

  /** Words behind a number that are no unit, up to what ends an item: "apples", "red balls", "个". */
  protected countedWords(): string | null {
    const rest = this.text.slice(this.at, this.at + 80);
    const han = /^\s*(\p{Script=Han}+(?:\/\p{Script=Han}+)?)/u.exec(rest);
    if (han !== null && /[\d)}\]%°]\s*$/.test(this.text.slice(Math.max(0, this.at - 8), this.at))) {
      const word = han[1]!.replace(/[或和与及且].*$/, "");
      if (word === "") return null;
      this.at += rest.indexOf(word) + word.length;
      return word;
    }
    const found = /^\s*([a-zA-Z][a-zA-Z' -]*)/
      .exec(rest)?.[1]
      ?.replace(/\s(?:and|or|to)\b.*$/s, "")
      .trimEnd();
    if (
      found === undefined ||
      /^(?:and|or|to)\b/.test(found) ||
      !/\s$/.test(this.text.slice(Math.max(0, this.at - 1), this.at) + (/^\s/.test(rest) ? " " : "")) ||
      !areWords(found)
    )
      return null;
    if (!/^\s*(?:[,;)\]}]|\.(?:\s|$)|(?:and|or)\b|$)/.test(rest.slice(rest.indexOf(found) + found.length))) return null;
    this.at += rest.indexOf(found) + found.length;
    return found;
  }

  /** Units without \text that cannot be a product of letters. */
  protected unitWord(): string | null {
    this.space();
    if (/[a-zA-Z]/.test(this.text[this.at - 1] ?? "")) return null;
    const half = /\d\s*$/.test(this.text.slice(Math.max(0, this.at - 4), this.at))
      ? /^(?:[AP]M|[ap]m|[aApP]\.\s?[mM]\.?)(?![a-zA-Z])/.exec(this.text.slice(this.at, this.at + 6))
      : null;
    if (half !== null) return this.jump(half[0].length, () => half[0]);
    if (
      this.reading.letterUnits &&
      /\d\s+$/.test(this.text.slice(Math.max(0, this.at - 8), this.at)) &&
      /^[mgshlLNJWVA](?![a-zA-Z])/.test(this.text.slice(this.at, this.at + 2))
    ) {
      this.asked = true;
      return this.jump(1, () => this.text[this.at - 1]!);
    }
    const found =
      /^(?:percentage|percent|pct|km\/h|m\/s|cm|mm|km|kg|mg|ml|mL|mph|meters?|metres?|inch(?:es)?|feet|foot|miles?|yards?|hours?|hrs?|minutes?|mins?|seconds?|secs?|days?|weeks?|months?|years?|dollars?|cents?|units?|square (?:units|feet|meters|inches|cm|centimeters)|cubic (?:units|feet|meters|inches|cm|centimeters)|sq\.? ?(?:cm|m|ft))(?![a-zA-Z])/.exec(
        this.text.slice(this.at, this.at + 24),
      );
    if (found === null) return null;
    this.at += found[0].length;
    return found[0];
  }
}

/** Words as a node: the number that they name, or text. */
export function wordNode(words: string): Node {
  const number = numberNamed(words);
  if (number !== null) return whole(number);
  const fraction = fractionNamed(words);
  if (fraction === null) return { kind: "text", text: plainText(words) };
  return { kind: "quotient", over: whole(fraction[0]), under: whole(fraction[1]) };
}
