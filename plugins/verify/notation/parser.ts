/**
 * Reads a cleaned answer: LaTeX or plain notation, as far as answers use it. From lists of answers down to factors;
 * operands and words are read by the classes above it.
 */
import { relations, setOperations, texts } from "./names.ts";
import { negated, UnreadableError, type Node, type Relation } from "./node.ts";
import { OperandReader, times } from "./operand-reader.ts";
import type { Reading } from "./word-reader.ts";
import { multiplierOf } from "./words.ts";
import { add, rational } from "../values/rational.ts";

export interface Parsed {
  readonly node: Node;
  /** Whether ± occurs, so that the other sign is another answer. */
  readonly plusMinus: boolean;
  /** Whether something was read otherwise than plain notation is. */
  readonly asked: boolean;
}

const longest = 4000;
/** More factors, or more exponents and factorials on one, are no answer. */
const mostFactors = 1000;
const mostMarks = 12;

/** @throws UnreadableError when the text is no notation that is known, or too long or too deep */
export function parseAnswer(text: string, reading: Reading): Parsed {
  if (text.length > longest) throw new UnreadableError(`an answer of ${text.length} characters is not read`);
  const parser = new Parser(text, reading);
  return { node: parser.answer(), plusMinus: parser.plusMinus, asked: parser.asked };
}

class Parser extends OperandReader {
  plusMinus = false;

  protected factors = 0;

  answer(): Node {
    const node = this.list(() => this.peek() === "");
    this.take(".");
    if (this.peek() !== "") throw this.unreadable();
    return node;
  }

  /** Items apart by commas, semicolons, "and", "or"; one item alone is itself. */
  protected list(ended: () => boolean): Node {
    const items: Node[] = [];
    for (;;) {
      while (this.separator());
      if (ended() || (this.peek() === "." && this.text.slice(this.at).trim() === ".")) break;
      items.push(this.relation());
      if (!this.separator() && !ended()) {
        this.take(".");
        if (!ended()) throw this.unreadable();
      }
    }
    if (items.length === 0) throw new UnreadableError("the answer is empty");
    return items.length === 1 ? items[0]! : { kind: "list", items };
  }

  protected separator(): boolean {
    const before = this.at;
    if (this.take(",") || this.take(";") || this.take("\\\\") || this.take("\\land") || this.take("\\lor")) return true;
    if (
      this.word("and") ||
      this.word("or") ||
      this.take("\\&") ||
      ["或", "和", "与", "及", "且"].some((word) => this.take(word))
    )
      return true;
    const word = this.textGroup();
    if (word !== null && /^[\s,;]*(and|or|或|和|与|及|,|;)?[\s,;]*$/.test(word.toLowerCase())) return true;
    this.at = before;
    return false;
  }

  protected relation(): Node {
    const items = [this.ratio()];
    const operators: Relation[] = [];
    for (let operator = this.operator(); operator !== null; operator = this.operator()) {
      operators.push(operator);
      items.push(this.ratio());
    }
    return operators.length === 0 ? items[0]! : { kind: "relation", items, operators };
  }

  protected operator(): Relation | null {
    for (const sign of ["=", "<", ">"] as const) if (this.take(sign)) return sign;
    return this.commandOf(relations);
  }

  protected ratio(): Node {
    const items = [this.setExpression()];
    while (this.take(":") || this.word("to") || this.toText()) items.push(this.setExpression());
    return items.length === 1 ? items[0]! : { kind: "ratio", items };
  }

  protected setExpression(): Node {
    const words = this.words();
    if (words !== null) return words;
    let node = this.sum();
    for (let name = this.commandOf(setOperations); name !== null; name = this.commandOf(setOperations)) {
      node = { kind: "set operation", name, items: [node, this.sum()] };
    }
    return node;
  }

  protected sum(): Node {
    this.deeper();
    const items: Node[] = [this.product(this.sign() ?? 1)];
    for (let sign = this.sign(); sign !== null; sign = this.sign()) items.push(this.product(sign));
    this.depth--;
    return items.length === 1 ? items[0]! : { kind: "sum", items };
  }

  /** +, −, ± or ∓, several of them too; null where none stands. */
  protected sign(): 1 | -1 | null {
    let found: 1 | -1 | null = null;
    for (;;) {
      const one = this.take("+")
        ? 1
        : this.take("-")
          ? -1
          : this.command("pm")
            ? this.either(1)
            : this.command("mp")
              ? this.either(-1)
              : null;
      if (one === null) return found;
      found = (one * (found ?? 1)) as 1 | -1;
    }
  }

  protected either(side: 1 | -1): 1 | -1 {
    this.plusMinus = true;
    return (side * this.reading.sign) as 1 | -1;
  }

  protected product(sign: 1 | -1): Node {
    let node = this.mixed(this.factor());
    for (;;) {
      if (this.take("/")) node = { kind: "quotient", over: node, under: this.signedFactor() };
      else if (this.take("*")) node = times(node, this.signedFactor());
      else if (this.startsFactor()) {
        if (this.partsNumbers()) throw this.unreadable();
        node = times(node, this.factor());
      } else break;
      node = this.measured(node);
    }
    return sign === 1
      ? node
      : node.kind === "quantity" || node.kind === "percent"
        ? { ...node, value: negated(node.value) }
        : negated(node);
  }

  /** A blank between two digits: "1 2" is neither 12 nor 1 · 2. */
  protected partsNumbers(): boolean {
    return /[\d.]/.test(this.peek()) && /\d\s+$/.test(this.text.slice(Math.max(0, this.at - 8), this.at));
  }

  protected signedFactor(): Node {
    const sign = this.sign() ?? 1;
    const factor = this.factor();
    return sign === 1 ? factor : negated(factor);
  }

  /** "2\frac{1}{3}" is a mixed number where both are whole and the fraction is below 1. */
  protected mixed(node: Node): Node {
    const before = this.at;
    if (node.kind !== "number" || node.digits !== null || node.value.d !== 1n) return this.measured(node);
    const plain = /^(\d{1,9})\s*\/\s*(\d{1,9})(?![\d.])/.exec(this.text.slice(this.at, this.at + 40));
    if (plain !== null && this.partsNumbers() && BigInt(plain[1]!) < BigInt(plain[2]!)) {
      this.at += plain[0].length;
      return this.measured({
        kind: "number",
        value: add(node.value, rational(BigInt(plain[1]!), BigInt(plain[2]!))!),
        digits: null,
      });
    }
    if (this.peekCommand() !== "frac") return this.measured(node);
    const part = this.factor();
    const whole = (x: Node): x is Node & { kind: "number" } =>
      x.kind === "number" && x.digits === null && x.value.d === 1n;
    if (
      part.kind === "quotient" &&
      whole(part.over) &&
      whole(part.under) &&
      part.over.value.n > 0n &&
      part.over.value.n < part.under.value.n
    ) {
      const fraction = rational(part.over.value.n, part.under.value.n)!;
      return this.measured({ kind: "number", value: add(node.value, fraction), digits: null });
    }
    this.at = before;
    return this.measured(node);
  }

  /** A percent sign, a degree sign or a unit after what is measured. */
  protected measured(node: Node): Node {
    if (this.take("%")) return { kind: "percent", value: node };
    const before = this.at;
    const unit = this.unit();
    if (unit === null) {
      this.at = before;
      return node;
    }
    if (unit.startsWith("times "))
      return this.measured({
        kind: "product",
        items: [node, { kind: "number", value: { n: multiplierOf(unit.slice(6))!, d: 1n }, digits: null }],
      });
    return unit === "percent" ? { kind: "percent", value: node } : { kind: "quantity", value: node, unit };
  }

  /** A primary with its exponents, factorials and primes. */
  protected factor(): Node {
    this.deeper();
    if (++this.factors > mostFactors) throw new UnreadableError(`more than ${mostFactors} factors are not read`);
    let node = this.primary();
    for (let marks = 0; ; marks++) {
      if (marks > mostMarks)
        throw new UnreadableError(`more than ${mostMarks} exponents, factorials and primes on one factor are not read`);
      if (this.take("^")) node = { kind: "power", base: node, exponent: this.exponent() };
      else if (this.peek() === "!" && !this.text.startsWith("!=", this.at)) {
        this.take("!");
        node = { kind: "call", name: "factorial", args: [node] };
      } else if (this.take("'")) node = { kind: "symbol", name: `${node.kind === "symbol" ? node.name : "?"}'` };
      else break;
    }
    this.depth--;
    return node;
  }

  protected startsFactor(): boolean {
    const next = this.peek();
    if (next === "" || ",;)]}=<>+-*/:^_&%!.°'".includes(next)) return false;
    if (next === "|") return this.bars === 0;
    if (next !== "\\")
      return !/^(?:(?:and|or|to)(?![a-zA-Z])|[或和与及且])/.test(this.text.slice(this.at, this.at + 4));
    const name = this.peekCommand();
    return (
      name !== "\\" &&
      name !== "}" &&
      name !== "end" &&
      name !== "pm" &&
      name !== "mp" &&
      name !== "rangle" &&
      name !== "rfloor" &&
      name !== "rceil" &&
      name !== "&" &&
      name !== "land" &&
      name !== "lor" &&
      !Object.hasOwn(relations, name) &&
      !Object.hasOwn(setOperations, name) &&
      !texts.has(name)
    );
  }
}
