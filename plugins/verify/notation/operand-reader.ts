/** Reads operands: letters, functions, brackets, commands and what stands in them. */
import { closers, constants, functions, greek, looks, texts } from "./names.ts";
import { minusOne, whole, type Node } from "./node.ts";
import { NumberReader } from "./number-reader.ts";
import { wordNode } from "./word-reader.ts";
import { parseDecimal } from "../values/rational.ts";

export abstract class OperandReader extends NumberReader {
  /** Bars |…| that are open. */
  protected bars = 0;

  protected primary(): Node {
    const next = this.peek();
    if (/[0-9.]/.test(next)) return this.number();
    if (/[a-zA-Z]/.test(next)) return this.letters();
    switch (next) {
      case "(":
      case "[":
        return this.bracketed(next);
      case "{":
        return this.group(() => this.list(() => this.peek() === "}"));
      case "|":
        return this.bar();
      case "]":
        return this.turned();
      case "°":
        this.take("°");
        return { kind: "constant", name: "pi" };
      case "\\":
        return this.commandPrimary();
      default:
        throw this.unreadable();
    }
  }

  /** ]a, b[ as it is written in some countries. */
  protected turned(): Node {
    this.take("]");
    const items = this.items(() => this.peek() === "[" || this.peek() === "]");
    const close = this.take("[") ? ")" : (this.take("]"), "]");
    return { kind: "tuple", items, open: "(", close };
  }

  /** Letters: the name of a function or a constant, else the first of them. */
  protected letters(): Node {
    const word = /^[a-zA-Z]+/.exec(this.text.slice(this.at, this.at + 40))![0];
    if (word.length > 1) {
      if (functions.has(word)) return this.jump(word.length, () => this.call(word));
      if (word === "sqrt") return this.jump(4, () => ({ kind: "power", base: this.script(), exponent: half }));
      if (Object.hasOwn(constants, word))
        return this.jump(word.length, () => ({ kind: "constant", name: constants[word]! }));
    }
    return this.jump(1, () => this.symbol(word[0]!));
  }

  protected symbol(name: string): Node {
    if (this.take("_"))
      return { kind: "symbol", name: `${name}_${this.raw().replace(/[\s{}]|\\(?:text|mathrm)/g, "")}` };
    if (name === "e") return { kind: "constant", name: "e" };
    if (name === "i") return { kind: "constant", name: "i" };
    return { kind: "symbol", name };
  }

  protected call(name: string): Node {
    let base: Node | null = null;
    let exponent: Node | null = null;
    for (;;) {
      if (this.take("_")) base = this.script();
      else if (this.take("^")) exponent = this.exponent();
      else break;
    }
    let args = this.arguments();
    let called = name;
    if (exponent !== null && exponent.kind === "number" && exponent.value.n === -1n && exponent.value.d === 1n) {
      called = `arc${name}`;
      exponent = null;
    }
    if (name === "log" && base !== null) args = [...args, base];
    if (name === "lg") [called, args] = ["log", [...args, ten]];
    const node: Node =
      called === "exp" && args.length === 1
        ? { kind: "power", base: { kind: "constant", name: "e" }, exponent: args[0]! }
        : { kind: "call", name: called === "ln" ? "log" : called, args };
    return exponent === null ? node : { kind: "power", base: node, exponent };
  }

  /** What a function is of: brackets, or the factors up to the next sign or function. */
  protected arguments(): readonly Node[] {
    const next = this.peek();
    if (next === "(" || next === "[") {
      const inner = this.bracketed(next);
      if (inner.kind === "quantity" && inner.unit === "°") return [radians(inner.value)];
      return inner.kind === "tuple" ? inner.items : [inner];
    }
    if (next === "{") {
      const inner = this.group(() => this.sum());
      return [inner];
    }
    let node = this.inDegrees(this.signedFactor());
    while (
      this.startsFactor() &&
      !functions.has(this.peekCommand()) &&
      !"([{|".includes(this.peek()) &&
      !functions.has(/^[a-zA-Z]*/.exec(this.text.slice(this.at, this.at + 12))![0])
    )
      node = times(node, this.factor());
    if (this.peek() === "/" && node.kind !== "call") {
      this.take("/");
      node = { kind: "quotient", over: node, under: this.factor() };
    }
    return [node];
  }

  /** sin 30° is of π/6. */
  protected inDegrees(angle: Node): Node {
    if (this.peek() !== "°" || /^°\s*[CF](?![a-zA-Z])/.test(this.text.slice(this.at, this.at + 4))) return angle;
    this.take("°");
    return radians(angle);
  }

  protected bracketed(open: string): Node {
    this.deeper();
    this.take(open);
    const bars = this.bars;
    this.bars = 0;
    const items = this.items(() => this.peek() === ")" || this.peek() === "]" || (open === "[" && this.peek() === "["));
    this.bars = bars;
    const close = this.peek() === "[" ? ")" : this.peek();
    this.at++;
    this.depth--;
    // Grouping: nothing but brackets around one expression.
    if (items.length === 1 && close === closers[open] && (open === "(" || items[0]!.kind !== "tuple")) return items[0]!;
    return { kind: "tuple", items, open, close };
  }

  protected items(ended: () => boolean): readonly Node[] {
    this.brackets++;
    const inner = this.list(() => this.peek() === "" || ended());
    if (this.peek() === "") throw this.unreadable();
    this.brackets--;
    return inner.kind === "list" ? inner.items : [inner];
  }

  protected bar(): Node {
    this.take("|");
    this.bars++;
    const inner = this.sum();
    this.bars--;
    if (!this.take("|")) throw this.unreadable();
    return { kind: "call", name: "abs", args: [inner] };
  }

  protected group(inner: () => Node): Node {
    this.take("{");
    const bars = this.bars;
    this.bars = 0;
    const node = inner();
    this.bars = bars;
    if (!this.take("}")) throw this.unreadable();
    return node;
  }

  /** What stands in an exponent or an argument without braces: one digit, one letter, one command; or a group. */
  protected script(): Node {
    const next = this.peek();
    if (next === "{") return this.group(() => this.list(() => this.peek() === "}"));
    if (/[0-9]/.test(next))
      return this.jump(1, () => ({ kind: "number", value: { n: BigInt(next), d: 1n }, digits: null }));
    if (next === "-" || next === "+") return this.signedFactor();
    if (/[a-zA-Z]/.test(next))
      return this.jump(1, () =>
        next === "e" || next === "i" ? { kind: "constant", name: next } : { kind: "symbol", name: next },
      );
    return this.primary();
  }

  /** LaTeX would read x^12 as x^1·2, which nobody means. */
  protected exponent(): Node {
    return /[0-9]/.test(this.peek()) ? this.number() : this.script();
  }

  protected commandPrimary(): Node {
    const name = this.peekCommand();
    const start = this.at;
    if (texts.has(name)) return this.textPrimary();
    this.at += 1 + name.length;
    if (functions.has(name)) return this.call(name);
    if (Object.hasOwn(constants, name)) return { kind: "constant", name: constants[name]! };
    if (greek.has(name)) return this.symbol(`\\${name}`);
    if (looks.has(name)) return this.look(name);
    switch (name) {
      case "frac": {
        const over = this.script();
        return { kind: "quotient", over, under: this.script() };
      }
      case "binom":
      case "dbinom":
      case "tbinom": {
        const n = this.script();
        return { kind: "call", name: "binomial", args: [n, this.script()] };
      }
      case "sqrt":
        return this.root();
      case "{": {
        if (this.command("}")) return { kind: "set", items: [] };
        const items = this.items(() => this.peekCommand() === "}" || this.peek() === "|");
        if (this.peek() === "|") throw this.unreadable();
        this.command("}");
        return { kind: "set", items };
      }
      case "emptyset":
        return { kind: "set", items: [] };
      case "langle": {
        const items = this.items(() => this.peekCommand() === "rangle");
        this.command("rangle");
        return { kind: "tuple", items, open: "(", close: ")" };
      }
      case "lfloor":
      case "lceil": {
        const inner = this.sum();
        if (!this.command(name === "lfloor" ? "rfloor" : "rceil")) throw this.unreadable();
        return { kind: "call", name: name === "lfloor" ? "floor" : "ceil", args: [inner] };
      }
      case "begin":
        return this.environment();
      // What is summed over what: known by how it is written.
      case "sum":
      case "prod":
      case "int":
      case "lim":
      case "oint":
      case "iint":
        return this.symbol(this.bounded(name));
      default:
        this.at = start;
        throw this.unreadable();
    }
  }

  protected bounded(name: string): string {
    let bounds = "";
    for (;;) {
      if (this.take("^")) bounds += `^${this.raw()}`;
      else if (this.take("_")) bounds += `_${this.raw()}`;
      else return `\\${name}${bounds.replace(/\s/g, "")}`;
    }
  }

  protected look(name: string): Node {
    if (name === "mathbb") return { kind: "symbol", name: `\\mathbb ${this.raw().replace(/[{}\s]/g, "")}` };
    // \overline{AB} is a name, and so is \vec{v}: read what is inside.
    return this.script();
  }

  protected root(): Node {
    let degree: Node = two;
    if (this.take("[")) {
      degree = this.sum();
      if (!this.take("]")) throw this.unreadable();
    }
    return { kind: "power", base: this.script(), exponent: { kind: "quotient", over: one, under: degree } };
  }

  protected environment(): Node {
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
      if (this.take("\\\\")) {
        rows.push([]);
        continue;
      }
      if (this.command("hline")) continue;
      rows.at(-1)!.push(this.sum());
    }
    const end = /^\s*\\end\s*\{[a-zA-Z*]+\}/.exec(this.text.slice(this.at, this.at + 40));
    if (end === null) throw this.unreadable();
    this.at += end[0].length;
    const filled = rows.filter((row) => row.length > 0);
    if (name[1] === "vmatrix") return { kind: "call", name: "determinant", args: [{ kind: "matrix", rows: filled }] };
    return { kind: "matrix", rows: filled };
  }

  /** \text{…} where an operand is expected: a name, or words. */
  protected textPrimary(): Node {
    const word = this.textGroup()!.trim();
    if (functions.has(word)) return this.call(word);
    if (word === "e" || word === "i") return { kind: "constant", name: word };
    if (/^-?\d+(\.\d+)?$/.test(word))
      return { kind: "number", value: parseDecimal(word.replace("-", "")), digits: null };
    if (/^[a-zA-Z]$/.test(word)) return this.symbol(word);
    return wordNode(word);
  }

  /** Items apart by separators; one item alone is itself. */
  protected abstract list(ended: () => boolean): Node;
  protected abstract sum(): Node;
  protected abstract factor(): Node;
  protected abstract signedFactor(): Node;
  protected abstract startsFactor(): boolean;
}

const [one, two, ten] = [whole(1n), whole(2n), whole(10n)];
const half: Node = { kind: "quotient", over: one, under: two };

const radians = (degrees: Node): Node => ({
  kind: "quotient",
  over: times(degrees, { kind: "constant", name: "pi" }),
  under: whole(180n),
});

export function times(a: Node, b: Node): Node {
  if (a.kind === "quantity") return { ...a, value: times(a.value, b) };
  return { kind: "product", items: a.kind === "product" && a.items[0] !== minusOne ? [...a.items, b] : [a, b] };
}
