/** Reads numbers: with thousands or a decimal comma as the reading has them, repeating, of another base, scientific. */
import { add, multiply, parseDecimal, rational } from "../values/rational.ts";
import type { Node } from "./node.ts";
import { WordReader } from "./word-reader.ts";

export abstract class NumberReader extends WordReader {
  /** Brackets and braces of sets that are open: a comma in them parts items. */
  protected brackets = 0;

  protected number(): Node {
    const rest = this.text.slice(this.at, this.at + 400);
    const { thousands, decimalComma } = this.reading;
    const ambiguous =
      (thousands && /^[1-9]\d{0,2}(?:(?:,\d{3})+|(?: \d{3})+)(?:\.\d+)?(?!\d)/.exec(rest)) ||
      (decimalComma && this.brackets === 0 && /^\d+,\d+(?![\d,])/.exec(rest)) ||
      null;
    if (ambiguous !== null) this.asked = true;
    const found = ambiguous ?? /^\d+(?:\.\d+|\.(?=\\overline))?|^\.\d+/.exec(rest);
    if (found === null) throw this.unreadable();
    const parted = thousands && /^[1-9]\d{0,2}(?:,\d{3})+(?!\d)/.test(found[0]);
    const comma = decimalComma && !parted && /^\d+,\d+$/.test(found[0]);
    const written = comma ? found[0].replace(",", ".") : found[0].replace(/[, ]/g, "");
    this.at += found[0].length;
    const repeating = /^\\(?:overline|bar|dot)\s*\{(\d+)\}/.exec(this.text.slice(this.at, this.at + 60));
    if (repeating !== null && written.includes(".")) {
      this.at += repeating[0].length;
      return repeated(written, repeating[1]!);
    }
    const base = /^_\s*(?:\{\s*(?:\\text\s*\{\s*)?([a-z\d]+)\s*\}?\s*\}|(\d))/.exec(
      this.text.slice(this.at, this.at + 40),
    );
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
}

/** 0.1 with 6 repeating: 0.1666… */
function repeated(written: string, period: string): Node {
  const start = parseDecimal(written);
  const shift = 10n ** BigInt((written.split(".")[1] ?? "").length);
  const value = add(start, rational(BigInt(period), shift * (10n ** BigInt(period.length) - 1n))!);
  return { kind: "number", value, digits: null };
}
