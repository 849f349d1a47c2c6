/** Reads a cleaned answer: LaTeX or plain notation, as far as answers use it. */
import { plainText } from "./clean.ts";
import { closers, constants, functions, greek, looks, relations, setOperations, texts } from "./names.ts";
import { minusOne, negated, UnreadableError, type Node, type Relation } from "./node.ts";
import { add, multiply, parseDecimal, rational } from "../values/rational.ts";
import { Scanner } from "./scanner.ts";
import { readUnit } from "../values/units.ts";
import { areWords, mayBeCounted, multiplierOf, numberNamed } from "./words.ts";

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

export interface Parsed {
  readonly node: Node;
  /** Whether ± occurs, so that the other sign is another answer. */
  readonly plusMinus: boolean;
}

const longest = 4000;
/** More factors, or more exponents and factorials on one, are no answer. */
const mostFactors = 1000;
const mostMarks = 12;

/** @throws UnreadableError when the text is no notation that is known, or too long or too deep */
export function parseAnswer(text: string, reading: Reading): Parsed {
  if (text.length > longest) throw new UnreadableError(`an answer of ${text.length} characters is not read`);
  const parser = new Parser(text, reading);
  return { node: parser.answer(), plusMinus: parser.plusMinus };
}

class Parser extends Scanner {
  plusMinus = false;
  readonly #reading: Reading;
  /** Brackets and braces of sets that are open: a comma in them parts items. */
  #brackets = 0;
  #factors = 0;
  /** Bars |…| that are open. */
  #bars = 0;

  constructor(text: string, reading: Reading) {
    super(text);
    this.#reading = reading;
  }

  answer(): Node {
    const node = this.#list(() => this.peek() === "");
    this.take(".");
    if (this.peek() !== "") throw this.unreadable();
    return node;
  }

  /** Items apart by commas, semicolons, "and", "or"; one item alone is itself. */
  #list(ended: () => boolean): Node {
    const items: Node[] = [];
    for (;;) {
      while (this.#separator());
      if (ended() || (this.peek() === "." && this.text.slice(this.at).trim() === ".")) break;
      items.push(this.#relation());
      if (!this.#separator() && !ended()) {
        this.take(".");
        if (!ended()) throw this.unreadable();
      }
    }
    if (items.length === 0) throw new UnreadableError("the answer is empty");
    return items.length === 1 ? items[0]! : { kind: "list", items };
  }

  #separator(): boolean {
    const before = this.at;
    if (this.take(",") || this.take(";") || this.take("\\\\") || this.take("\\land") || this.take("\\lor")) return true;
    if (this.word("and") || this.word("or") || this.take("\\&") || ["或", "和", "与", "及", "且"].some((word) => this.take(word))) return true;
    const word = this.textGroup();
    if (word !== null && /^[\s,;]*(and|or|或|和|与|及|,|;)?[\s,;]*$/.test(word.toLowerCase())) return true;
    this.at = before;
    return false;
  }

  #relation(): Node {
    const items = [this.#ratio()];
    const operators: Relation[] = [];
    for (let operator = this.#operator(); operator !== null; operator = this.#operator()) {
      operators.push(operator);
      items.push(this.#ratio());
    }
    return operators.length === 0 ? items[0]! : { kind: "relation", items, operators };
  }

  #operator(): Relation | null {
    for (const sign of ["=", "<", ">"] as const) if (this.take(sign)) return sign;
    return this.commandOf(relations);
  }

  #ratio(): Node {
    const items = [this.#setExpression()];
    while (this.take(":") || this.word("to") || this.#toText()) items.push(this.#setExpression());
    return items.length === 1 ? items[0]! : { kind: "ratio", items };
  }

  #toText(): boolean {
    const before = this.at;
    if (this.textGroup()?.trim() === "to") return true;
    this.at = before;
    return false;
  }

  #setExpression(): Node {
    const words = this.#words();
    if (words !== null) return words;
    let node = this.#sum();
    for (let name = this.commandOf(setOperations); name !== null; name = this.commandOf(setOperations)) {
      node = { kind: "set operation", name, items: [node, this.#sum()] };
    }
    return node;
  }

  /** Words that are a whole item, relation's side or entry; null where something else stands here. */
  #words(): Node | null {
    if (/[①-⑳]/.test(this.peek())) return this.jump(1, () => ({ kind: "text", text: this.text[this.at - 1]! }));
    const rest = this.text.slice(this.at, this.at + 200);
    const found = /^\p{L}[\p{L}\p{M}' -]*/u.exec(rest)?.[0].replace(/(?:\s(?:and|or|to)\b|[或和与及且]).*$/s, "").trimEnd();
    if (found === undefined || !areWords(found) || !/^\s*(?:[,;)\]}=<>:!?]|\.(?:\s|$)|(?:and|or|to)\b|[或和与及且]|\\(?:[}&]|text|rangle|ne\b|in\b|approx\b|le\b|ge\b)|$)/.test(rest.slice(found.length))) return null;
    this.at += found.length;
    while (this.take("!") || this.take("?"));
    return wordNode(found);
  }

  #sum(): Node {
    this.deeper();
    const items: Node[] = [this.#product(this.#sign() ?? 1)];
    for (let sign = this.#sign(); sign !== null; sign = this.#sign()) items.push(this.#product(sign));
    this.depth--;
    return items.length === 1 ? items[0]! : { kind: "sum", items };
  }

  /** +, −, ± or ∓, several of them too; null where none stands. */
  #sign(): 1 | -1 | null {
    let found: 1 | -1 | null = null;
    for (;;) {
      const one = this.take("+") ? 1 : this.take("-") ? -1 : this.command("pm") ? this.#either(1) : this.command("mp") ? this.#either(-1) : null;
      if (one === null) return found;
      found = one * (found ?? 1) as 1 | -1;
    }
  }

  #either(side: 1 | -1): 1 | -1 {
    this.plusMinus = true;
    return (side * this.#reading.sign) as 1 | -1;
  }

  #product(sign: 1 | -1): Node {
    let node = this.#mixed(this.#factor());
    for (;;) {
      if (this.take("/")) node = { kind: "quotient", over: node, under: this.#signedFactor() };
      else if (this.take("*")) node = times(node, this.#signedFactor());
      else if (this.#startsFactor()) {
        if (this.#partsNumbers()) throw this.unreadable();
        node = times(node, this.#factor());
      } else break;
      node = this.#measured(node);
    }
    return sign === 1 ? node : node.kind === "quantity" || node.kind === "percent" ? { ...node, value: negated(node.value) } : negated(node);
  }

  /** A blank between two digits: "1 2" is neither 12 nor 1 · 2. */
  #partsNumbers(): boolean {
    return /[\d.]/.test(this.peek()) && /\d\s+$/.test(this.text.slice(Math.max(0, this.at - 8), this.at));
  }

  #signedFactor(): Node {
    const sign = this.#sign() ?? 1;
    const factor = this.#factor();
    return sign === 1 ? factor : negated(factor);
  }

  /** "2\frac{1}{3}" is a mixed number where both are whole and the fraction is below 1. */
  #mixed(node: Node): Node {
    const before = this.at;
    if (node.kind !== "number" || node.digits !== null || node.value.d !== 1n) return this.#measured(node);
    const plain = /^(\d{1,9})\s*\/\s*(\d{1,9})(?![\d.])/.exec(this.text.slice(this.at, this.at + 40));
    if (plain !== null && this.#partsNumbers() && BigInt(plain[1]!) < BigInt(plain[2]!)) {
      this.at += plain[0].length;
      return this.#measured({ kind: "number", value: add(node.value, rational(BigInt(plain[1]!), BigInt(plain[2]!))!), digits: null });
    }
    if (this.peekCommand() !== "frac") return this.#measured(node);
    const part = this.#factor();
    const whole = (x: Node): x is Node & { kind: "number" } => x.kind === "number" && x.digits === null && x.value.d === 1n;
    if (part.kind === "quotient" && whole(part.over) && whole(part.under) && part.over.value.n > 0n && part.over.value.n < part.under.value.n) {
      const fraction = rational(part.over.value.n, part.under.value.n)!;
      return this.#measured({ kind: "number", value: add(node.value, fraction), digits: null });
    }
    this.at = before;
    return this.#measured(node);
  }

  /** A percent sign, a degree sign or a unit after what is measured. */
  #measured(node: Node): Node {
    if (this.take("%")) return { kind: "percent", value: node };
    const before = this.at;
    const unit = this.#unit();
    if (unit === null) {
      this.at = before;
      return node;
    }
    if (unit.startsWith("times ")) return this.#measured({ kind: "product", items: [node, { kind: "number", value: { n: multiplierOf(unit.slice(6))!, d: 1n }, digits: null }] });
    return unit === "percent" ? { kind: "percent", value: node } : { kind: "quantity", value: node, unit };
  }

  #unit(): string | null {
    if (this.take("°")) return /^[CF](?![a-zA-Z])/.test(this.text.slice(this.at, this.at + 2)) ? this.jump(1, () => `°${this.text[this.at - 1]!}`) : "°";
    const word = this.textGroup() ?? this.#unitWord() ?? this.#countedWords();
    if (word === null || /^[\s,;]*(and|or|to|或|和|与|及)?[\s,;]*$/.test(word.toLowerCase())) return null;
    const exponent = /^\s*\^\s*\{?\s*(-?\d)\s*\}?/.exec(this.text.slice(this.at, this.at + 12));
    if (exponent !== null) this.at += exponent[0].length;
    const half = /^\s*([ap])\.?\s?m\.?\s*$/i.exec(word)?.[1];
    if (half !== undefined) return `counted ${half.toLowerCase()}m`;
    if (multiplierOf(word) !== null) return `times ${word.trim()}`;
    const known = readUnit(`${word.trim()}${exponent === null ? "" : `^${exponent[1]!}`}`);
    // An unknown word is what is counted.
    if (known !== null) {
      const rest = this.#unit();
      return rest === null || rest === "" ? known : `${known} ${rest}`;
    }
    if (!/\p{L}/u.test(word)) return "";
    if (!mayBeCounted(word)) throw this.unreadable();
    return `counted ${plainText(word)}`;
  }

  /** Words behind a number that are no unit, up to what ends an item: "apples", "red balls", "个". */
  #countedWords(): string | null {
    const rest = this.text.slice(this.at, this.at + 80);
    const han = /^\s*(\p{Script=Han}+(?:\/\p{Script=Han}+)?)/u.exec(rest);
    if (han !== null && /[\d)}\]%°]\s*$/.test(this.text.slice(Math.max(0, this.at - 8), this.at))) {
      const word = han[1]!.replace(/[或和与及且].*$/, "");
      if (word === "") return null;
      this.at += rest.indexOf(word) + word.length;
      return word;
    }
    const found = /^\s*([a-zA-Z][a-zA-Z' -]*)/.exec(rest)?.[1]?.replace(/\s(?:and|or|to)\b.*$/s, "").trimEnd();
    if (found === undefined || /^(?:and|or|to)\b/.test(found) || !/\s$/.test(this.text.slice(Math.max(0, this.at - 1), this.at) + (/^\s/.test(rest) ? " " : "")) || !areWords(found)) return null;
    if (!/^\s*(?:[,;)\]}]|\.(?:\s|$)|(?:and|or)\b|$)/.test(rest.slice(rest.indexOf(found) + found.length))) return null;
    this.at += rest.indexOf(found) + found.length;
    return found;
  }

  /** Units without \text that cannot be a product of letters. */
  #unitWord(): string | null {
    this.space();
    if (/[a-zA-Z]/.test(this.text[this.at - 1] ?? "")) return null;
    const half = /\d\s*$/.test(this.text.slice(Math.max(0, this.at - 4), this.at)) ? /^(?:[AP]M|[ap]m|[aApP]\.\s?[mM]\.?)(?![a-zA-Z])/.exec(this.text.slice(this.at, this.at + 6)) : null;
    if (half !== null) return this.jump(half[0].length, () => half[0]);
    if (this.#reading.letterUnits && /\d\s+$/.test(this.text.slice(Math.max(0, this.at - 8), this.at)) && /^[mgshLNJWVA](?![a-zA-Z])/.test(this.text.slice(this.at, this.at + 2))) return this.jump(1, () => this.text[this.at - 1]!);
    const found = /^(?:percentage|percent|pct|km\/h|m\/s|cm|mm|km|kg|mg|ml|mL|mph|meters?|metres?|inch(?:es)?|feet|foot|miles?|yards?|hours?|hrs?|minutes?|seconds?|days?|weeks?|months?|years?|dollars?|cents?|units?|square (?:units|feet|meters|inches|cm|centimeters)|cubic (?:units|feet|meters|inches|cm|centimeters)|sq\.? ?(?:cm|m|ft))(?![a-zA-Z])/.exec(this.text.slice(this.at, this.at + 24));
    if (found === null) return null;
    this.at += found[0].length;
    return found[0];
  }

  /** A primary with its exponents, factorials and primes. */
  #factor(): Node {
    this.deeper();
    if (++this.#factors > mostFactors) throw new UnreadableError(`more than ${mostFactors} factors are not read`);
    let node = this.#primary();
    for (let marks = 0; ; marks++) {
      if (marks > mostMarks) throw new UnreadableError(`more than ${mostMarks} exponents, factorials and primes on one factor are not read`);
      if (this.take("^")) node = { kind: "power", base: node, exponent: this.#exponent() };
      else if (this.peek() === "!" && !this.text.startsWith("!=", this.at)) {
        this.take("!");
        node = { kind: "call", name: "factorial", args: [node] };
      } else if (this.take("'")) node = { kind: "symbol", name: `${node.kind === "symbol" ? node.name : "?"}'` };
      else break;
    }
    this.depth--;
    return node;
  }

  #startsFactor(): boolean {
    const next = this.peek();
    if (next === "" || ",;)]}=<>+-*/:^_&%!.°'".includes(next)) return false;
    if (next === "|") return this.#bars === 0;
    if (next !== "\\") return !/^(?:(?:and|or|to)(?![a-zA-Z])|[或和与及且])/.test(this.text.slice(this.at, this.at + 4));
    const name = this.peekCommand();
    return name !== "\\" && name !== "}" && name !== "end" && name !== "pm" && name !== "mp" && name !== "rangle" && name !== "rfloor" && name !== "rceil" && name !== "&" && name !== "land" && name !== "lor" && !Object.hasOwn(relations, name) && !Object.hasOwn(setOperations, name) && !texts.has(name);
  }

  #primary(): Node {
    const next = this.peek();
    if (/[0-9.]/.test(next)) return this.#number();
    if (/[a-zA-Z]/.test(next)) return this.#letters();
    switch (next) {
      case "(": case "[": return this.#bracketed(next);
      case "{": return this.#group(() => this.#list(() => this.peek() === "}"));
      case "|": return this.#bar();
      case "]": return this.#turned();
      case "°": this.take("°"); return { kind: "constant", name: "pi" };
      case "\\": return this.#commandPrimary();
      default: throw this.unreadable();
    }
  }

  /** ]a, b[ as it is written in some countries. */
  #turned(): Node {
    this.take("]");
    const items = this.#items(() => this.peek() === "[" || this.peek() === "]");
    const close = this.take("[") ? ")" : (this.take("]"), "]");
    return { kind: "tuple", items, open: "(", close };
  }

  #number(): Node {
    const rest = this.text.slice(this.at, this.at + 400);
    const { thousands, decimalComma } = this.#reading;
    const found =
      (thousands && (/^\d{1,3}(?:,\d{3})+(?:\.\d+)?(?![\d])/.exec(rest) ?? /^\d{1,3}(?: \d{3})+(?:\.\d+)?(?![\d])/.exec(rest))) ||
      (decimalComma && this.#brackets === 0 && /^\d+,\d+(?![\d,])/.exec(rest)) ||
      /^\d+(?:\.\d+|\.(?=\\overline))?|^\.\d+/.exec(rest);
    if (found === null) throw this.unreadable();
    const comma = decimalComma && !(thousands && /^\d{1,3}(?:,\d{3})+(?!\d)/.test(found[0])) && /^\d+,\d+$/.test(found[0]);
    const written = comma ? found[0].replace(",", ".") : found[0].replace(/[, ]/g, "");
    this.at += found[0].length;
    const repeating = /^\\(?:overline|bar|dot)\s*\{(\d+)\}/.exec(this.text.slice(this.at, this.at + 60));
    if (repeating !== null && written.includes(".")) {
      this.at += repeating[0].length;
      return repeated(written, repeating[1]!);
    }
    const base = /^_\s*(?:\{\s*(?:\\text\s*\{\s*)?([a-z\d]+)\s*\}?\s*\}|(\d))/.exec(this.text.slice(this.at, this.at + 40));
    if (base !== null) {
      this.at += base[0].length;
      return { kind: "based", digits: written, base: base[1] ?? base[2]! };
    }
    const scientific = /^[eE]([+-]?\d{1,3})(?![\d.])/.exec(this.text.slice(this.at, this.at + 8));
    let value = parseDecimal(written);
    if (scientific !== null) {
      this.at += scientific[0].length;
      const exponent = BigInt(scientific[1]!);
      value = multiply(value, exponent < 0n ? rational(1n, 10n ** -exponent)! : rational(10n ** exponent)!);
    }
    return { kind: "number", value, digits: written.includes(".") ? written.replace(/^[0.]+|\./g, "").length : null };
  }

  /** Letters: the name of a function or a constant, else the first of them. */
  #letters(): Node {
    const word = /^[a-zA-Z]+/.exec(this.text.slice(this.at, this.at + 40))![0];
    if (word.length > 1) {
      if (functions.has(word)) return this.jump(word.length, () => this.#call(word));
      if (word === "sqrt") return this.jump(4, () => ({ kind: "power", base: this.#script(), exponent: half }));
      if (Object.hasOwn(constants, word)) return this.jump(word.length, () => ({ kind: "constant", name: constants[word]! }));
    }
    return this.jump(1, () => this.#symbol(word[0]!));
  }

  #symbol(name: string): Node {
    if (this.take("_")) return { kind: "symbol", name: `${name}_${this.raw().replace(/[\s{}]|\\(?:text|mathrm)/g, "")}` };
    if (name === "e") return { kind: "constant", name: "e" };
    if (name === "i") return { kind: "constant", name: "i" };
    return { kind: "symbol", name };
  }

  #call(name: string): Node {
    let base: Node | null = null;
    let exponent: Node | null = null;
    for (;;) {
      if (this.take("_")) base = this.#script();
      else if (this.take("^")) exponent = this.#exponent();
      else break;
    }
    let args = this.#arguments();
    let called = name;
    if (exponent !== null && exponent.kind === "number" && exponent.value.n === -1n && exponent.value.d === 1n) {
      called = `arc${name}`;
      exponent = null;
    }
    if (name === "log" && base !== null) args = [...args, base];
    if (name === "lg") [called, args] = ["log", [...args, ten]];
    const node: Node = called === "exp" && args.length === 1 ? { kind: "power", base: { kind: "constant", name: "e" }, exponent: args[0]! } : { kind: "call", name: called === "ln" ? "log" : called, args };
    return exponent === null ? node : { kind: "power", base: node, exponent };
  }

  /** What a function is of: brackets, or the factors up to the next sign or function. */
  #arguments(): readonly Node[] {
    const next = this.peek();
    if (next === "(" || next === "[") {
      const inner = this.#bracketed(next);
      return inner.kind === "tuple" ? inner.items : [inner];
    }
    if (next === "{") {
      const inner = this.#group(() => this.#sum());
      return [inner];
    }
    let node = this.#signedFactor();
    while (this.#startsFactor() && !functions.has(this.peekCommand()) && !"([{|".includes(this.peek()) && !functions.has(/^[a-zA-Z]*/.exec(this.text.slice(this.at, this.at + 12))![0])) node = times(node, this.#factor());
    if (this.peek() === "/" && node.kind !== "call") {
      this.take("/");
      node = { kind: "quotient", over: node, under: this.#factor() };
    }
    return [node];
  }

  #bracketed(open: string): Node {
    this.deeper();
    this.take(open);
    const bars = this.#bars;
    this.#bars = 0;
    const items = this.#items(() => this.peek() === ")" || this.peek() === "]" || (open === "[" && this.peek() === "["));
    this.#bars = bars;
    const close = this.peek() === "[" ? ")" : this.peek();
    this.at++;
    this.depth--;
    // Grouping: nothing but brackets around one expression.
    if (items.length === 1 && close === closers[open] && (open === "(" || items[0]!.kind !== "tuple")) return items[0]!;
    return { kind: "tuple", items, open, close };
  }

  #items(ended: () => boolean): readonly Node[] {
    this.#brackets++;
    const inner = this.#list(() => this.peek() === "" || ended());
    if (this.peek() === "") throw this.unreadable();
    this.#brackets--;
    return inner.kind === "list" ? inner.items : [inner];
  }

  #bar(): Node {
    this.take("|");
    this.#bars++;
    const inner = this.#sum();
    this.#bars--;
    if (!this.take("|")) throw this.unreadable();
    return { kind: "call", name: "abs", args: [inner] };
  }

  #group(inner: () => Node): Node {
    this.take("{");
    const bars = this.#bars;
    this.#bars = 0;
    const node = inner();
    this.#bars = bars;
    if (!this.take("}")) throw this.unreadable();
    return node;
  }

  /** What stands in an exponent or an argument without braces: one digit, one letter, one command; or a group. */
  #script(): Node {
    const next = this.peek();
    if (next === "{") return this.#group(() => this.#list(() => this.peek() === "}"));
    if (/[0-9]/.test(next)) return this.jump(1, () => ({ kind: "number", value: { n: BigInt(next), d: 1n }, digits: null }));
    if (next === "-" || next === "+") return this.#signedFactor();
    if (/[a-zA-Z]/.test(next)) return this.jump(1, () => (next === "e" || next === "i" ? { kind: "constant", name: next } : { kind: "symbol", name: next }));
    return this.#primary();
  }

  /** LaTeX would read x^12 as x^1·2, which nobody means. */
  #exponent(): Node {
    return /[0-9]/.test(this.peek()) ? this.#number() : this.#script();
  }

  #commandPrimary(): Node {
    const name = this.peekCommand();
    const start = this.at;
    if (texts.has(name)) return this.#textPrimary();
    this.at += 1 + name.length;
    if (functions.has(name)) return this.#call(name);
    if (Object.hasOwn(constants, name)) return { kind: "constant", name: constants[name]! };
    if (greek.has(name)) return this.#symbol(`\\${name}`);
    if (looks.has(name)) return this.#look(name);
    switch (name) {
      case "frac": { const over = this.#script(); return { kind: "quotient", over, under: this.#script() }; }
      case "binom": case "dbinom": case "tbinom": { const n = this.#script(); return { kind: "call", name: "binomial", args: [n, this.#script()] }; }
      case "sqrt": return this.#root();
      case "{": {
        if (this.command("}")) return { kind: "set", items: [] };
        const items = this.#items(() => this.peekCommand() === "}" || this.peek() === "|");
        if (this.peek() === "|") throw this.unreadable();
        this.command("}");
        return { kind: "set", items };
      }
      case "emptyset": return { kind: "set", items: [] };
      case "langle": {
        const items = this.#items(() => this.peekCommand() === "rangle");
        this.command("rangle");
        return { kind: "tuple", items, open: "(", close: ")" };
      }
      case "lfloor": case "lceil": {
        const inner = this.#sum();
        if (!this.command(name === "lfloor" ? "rfloor" : "rceil")) throw this.unreadable();
        return { kind: "call", name: name === "lfloor" ? "floor" : "ceil", args: [inner] };
      }
      case "begin": return this.#environment();
      // What is summed over what: known by how it is written.
      case "sum": case "prod": case "int": case "lim": case "oint": case "iint": return this.#symbol(this.#bounded(name));
      default:
        this.at = start;
        throw this.unreadable();
    }
  }

  #bounded(name: string): string {
    let bounds = "";
    for (;;) {
      if (this.take("^")) bounds += `^${this.raw()}`;
      else if (this.take("_")) bounds += `_${this.raw()}`;
      else return `\\${name}${bounds.replace(/\s/g, "")}`;
    }
  }

  #look(name: string): Node {
    if (name === "mathbb") return { kind: "symbol", name: `\\mathbb ${this.raw().replace(/[{}\s]/g, "")}` };
    // \overline{AB} is a name, and so is \vec{v}: read what is inside.
    return this.#script();
  }

  #root(): Node {
    let degree: Node = two;
    if (this.take("[")) {
      degree = this.#sum();
      if (!this.take("]")) throw this.unreadable();
    }
    return { kind: "power", base: this.#script(), exponent: { kind: "quotient", over: one, under: degree } };
  }

  #environment(): Node {
    const name = /^\s*\{([a-zA-Z*]+)\}\s*(?:\{[clr|\s]*\})?/.exec(this.text.slice(this.at, this.at + 60));
    if (name === null) throw this.unreadable();
    this.at += name[0].length;
    if (!/^(?:[pbvB]?matrix|smallmatrix|array)\*?$/.test(name[1]!)) {
      throw this.unreadable();
    }
    const rows: Node[][] = [[]];
    for (;;) {
      if (this.peekCommand() === "end") break;
      if (this.take("&")) continue;
      if (this.take("\\\\")) { rows.push([]); continue; }
      if (this.command("hline")) continue;
      rows.at(-1)!.push(this.#sum());
    }
    const end = /^\s*\\end\s*\{[a-zA-Z*]+\}/.exec(this.text.slice(this.at, this.at + 40));
    if (end === null) throw this.unreadable();
    this.at += end[0].length;
    const filled = rows.filter((row) => row.length > 0);
    if (name[1] === "vmatrix") return { kind: "call", name: "determinant", args: [{ kind: "matrix", rows: filled }] };
    return { kind: "matrix", rows: filled };
  }

  /** \text{…} where an operand is expected: a name, or words. */
  #textPrimary(): Node {
    const word = this.textGroup()!.trim();
    if (functions.has(word)) return this.#call(word);
    if (word === "e" || word === "i") return { kind: "constant", name: word };
    if (/^-?\d+(\.\d+)?$/.test(word)) return { kind: "number", value: parseDecimal(word.replace("-", "")), digits: null };
    if (/^[a-zA-Z]$/.test(word)) return this.#symbol(word);
    return wordNode(word);
  }
}

/** Words as a node: the number that they name, or text. */
function wordNode(words: string): Node {
  const number = numberNamed(words);
  return number === null ? { kind: "text", text: plainText(words) } : whole(number);
}

const whole = (n: bigint): Node => ({ kind: "number", value: { n, d: 1n }, digits: null });
const [one, two, ten] = [whole(1n), whole(2n), whole(10n)];
const half: Node = { kind: "quotient", over: one, under: two };

function times(a: Node, b: Node): Node {
  if (a.kind === "quantity") return { ...a, value: times(a.value, b) };
  return { kind: "product", items: a.kind === "product" && a.items[0] !== minusOne ? [...a.items, b] : [a, b] };
}

/** 0.1 with 6 repeating: 0.1666… */
function repeated(written: string, period: string): Node {
  const start = parseDecimal(written);
  const shift = 10n ** BigInt((written.split(".")[1] ?? "").length);
  const value = add(start, rational(BigInt(period), shift * (10n ** BigInt(period.length) - 1n))!);
  return { kind: "number", value, digits: null };
}
