/** The ways to read a text where notation is ambiguous. */
import { UnreadableError, type Node } from "./node.ts";
import { parseAnswer } from "./parser.ts";
import type { Reading } from "./word-reader.ts";

const plain: Reading = { sign: 1, thousands: false, decimalComma: false, letterUnits: false };

/** None when it is no notation. */
export function readingsOf(text: string): Node[] {
  const readings: Reading[] = [plain];
  if (/\d[, ]\d{3}(?!\d)/.test(text)) readings.push({ ...plain, thousands: true });
  if (/\d,\d/.test(text)) readings.push({ ...plain, decimalComma: true });
  // A blank before it makes "m" a metre rather than an unknown, or may.
  if (/\d\s+[mgshLNJWVA](?![a-zA-Z])/.test(text)) readings.push(...readings.map((reading) => ({ ...reading, letterUnits: true })));
  return readings.flatMap((reading) => {
    try {
      return [read(text, reading)];
    } catch (error) {
      if (error instanceof UnreadableError) return [];
      throw error;
    }
  });
}

/** Both signs of a ± are answers. */
function read(text: string, reading: Reading): Node {
  const { node, plusMinus } = parseAnswer(text, reading);
  if (!plusMinus) return node;
  const other = parseAnswer(text, { ...reading, sign: -1 }).node;
  if (node.kind === "set" && other.kind === "set") return { kind: "set", items: [...node.items, ...other.items] };
  if (node.kind === "list" && other.kind === "list") return { kind: "list", items: [...node.items, ...other.items] };
  return { kind: "list", items: [node, other] };
}
