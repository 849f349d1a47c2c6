/**
 * JSON as data has it: numbers keep their digits, and Python's NaN and Infinity are read. JSON.parse rounds numbers,
 * takes the last of two equal keys, and refuses NaN; lossless-json reads 3 MB/s where rows hold pictures as base64,
 * this reader more than JSON.parse.
 */
import { numberOf } from "./number-text.ts";

/**
 * What stands in a JSON text; a number is a NumberText where its digits say more than the number does.
 * @throws Error with the place of what is no JSON, or of a key that an object has twice
 */
export function parseJson(text: string): unknown {
  const reader = new Reader(text);
  const value = reader.value();
  reader.end();
  return value;
}

const number = /-?(?:(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|Infinity)|NaN/y;
const literals: readonly (readonly [string, unknown])[] = [
  ["true", true],
  ["false", false],
  ["null", null],
];
const [quote, comma, minus, point, zero, nine, colon, openList, escape, closeList, openObject, closeObject] = [
  34, 44, 45, 46, 48, 57, 58, 91, 92, 93, 123, 125,
];
/** What a text of a JSON value does not hold as it is. */
const special = /[\\\u0000-\u001f]/;

class Reader {
  readonly #text: string;
  /** Nothing in it is written otherwise than it reads. */
  readonly #simple: boolean;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
    this.#simple = !special.test(text);
  }

  value(): unknown {
    const code = this.#next();
    if (code === quote) return this.#string();
    if (code === openObject) return this.#object();
    if (code === openList) return this.#list();
    if (code === minus || (code >= zero && code <= nine)) return this.#number(code);
    const literal = literals.find(([word]) => this.#text.startsWith(word, this.#at));
    if (literal === undefined) return this.#number(code);
    this.#at += literal[0].length;
    return literal[1];
  }

  end(): void {
    if (!Number.isNaN(this.#next())) this.#fail("the end was expected");
  }

  /** The code of what comes after white space, NaN at the end. */
  #next(): number {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 32 && code !== 10 && code !== 13 && code !== 9) return code;
      this.#at++;
    }
  }

  #object(): Record<string, unknown> {
    const made: Record<string, unknown> = {};
    this.#at++;
    if (this.#next() === closeObject) return this.#closed(made);
    for (;;) {
      if (this.#next() !== quote) this.#fail("a key in quotes was expected");
      const place = this.#at;
      const key = this.#string();
      if (Object.hasOwn(made, key))
        this.#fail(`the key ${JSON.stringify(key.slice(0, 40))} stands twice in one object`, place);
      if (this.#next() !== colon) this.#fail("a colon was expected");
      this.#at++;
      const value = this.value();
      // As JSON.parse: a property of its own, which an assignment to this name would not make.
      if (key === "__proto__")
        Object.defineProperty(made, key, { value, enumerable: true, configurable: true, writable: true });
      else made[key] = value;
      const code = this.#next();
      if (code === closeObject) return this.#closed(made);
      if (code !== comma) this.#fail("a comma or } was expected");
      this.#at++;
    }
  }

  #list(): unknown[] {
    const made: unknown[] = [];
    this.#at++;
    if (this.#next() === closeList) return this.#closed(made);
    for (;;) {
      made.push(this.value());
      const code = this.#next();
      if (code === closeList) return this.#closed(made);
      if (code !== comma) this.#fail("a comma or ] was expected");
      this.#at++;
    }
  }

  #closed<T>(made: T): T {
    this.#at++;
    return made;
  }

  #string(): string {
    const text = this.#text;
    const start = this.#at + 1;
    let end = text.indexOf('"', start);
    if (!this.#simple) while (end >= 0 && this.#isEscaped(end)) end = text.indexOf('"', end + 1);
    if (end < 0) this.#fail("a text does not end");
    this.#at = end + 1;
    const inner = text.slice(start, end);
    if (this.#simple || !special.test(inner)) return inner;
    try {
      return JSON.parse(`"${inner}"`) as string;
    } catch {
      return this.#fail("a text holds a control character, or a \\ before what cannot follow it", start - 1);
    }
  }

  /** Whether an odd number of backslashes stands before. */
  #isEscaped(at: number): boolean {
    let before = at - 1;
    while (this.#text.charCodeAt(before) === escape) before--;
    return (at - before) % 2 === 0;
  }

  #number(first: number): unknown {
    // Short whole numbers, which are most.
    if (first > zero && first <= nine) {
      let [value, at] = [first - zero, this.#at + 1];
      let code = this.#text.charCodeAt(at);
      for (; code >= zero && code <= nine && at - this.#at < 15; code = this.#text.charCodeAt(++at))
        value = 10 * value + code - zero;
      if (!(code >= zero && code <= nine) && code !== point && code !== 69 && code !== 101) {
        this.#at = at;
        return value;
      }
    }
    number.lastIndex = this.#at;
    const [written] = number.exec(this.#text) ?? this.#fail("a value was expected");
    this.#at += written!.length;
    return numberOf(written!);
  }

  #fail(what: string, at = this.#at): never {
    const found = at < this.#text.length ? `found ${JSON.stringify(this.#text.slice(at, at + 20))}` : "found the end";
    throw new Error(`${what} at character ${at + 1}, ${found}`);
  }
}
