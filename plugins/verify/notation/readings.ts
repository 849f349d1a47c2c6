/** The ways to read a text where notation is ambiguous. */
import { UnreadableError, type Node } from "./node.ts";
import { parseAnswer } from "./parser.ts";
import type { Reading } from "./word-reader.ts";

const plain: Reading = { sign: 1, thousands: false, decimalComma: false, letterUnits: false };

/** Texts whose readings are remembered: all responses to a prompt have its gold answer, and many have one answer. */
const mostRemembered = 512;
/** Longer texts are read each time. */
const longestRemembered = 400;
const remembered = new Map<string, readonly Node[]>();

/** None when it is no notation. Nodes of equal texts may be the same, so that their values are computed once. */
export function readingsOf(text: string): readonly Node[] {
  if (text.length > longestRemembered) return readAll(text);
  const nodes = remembered.get(text) ?? readAll(text);
  remembered.delete(text);
  remembered.set(text, nodes);
  if (remembered.size > mostRemembered) remembered.delete(remembered.keys().next().value!);
  return nodes;
}

function readAll(text: string): Node[] {
  const readings: Reading[] = [plain];
  if (/\d[, ]\d{3}(?!\d)/.test(text)) readings.push({ ...plain, thousands: true });
  if (mayBeDecimals(text)) readings.push({ ...plain, decimalComma: true });
  // A blank before it makes "m" a metre rather than an unknown, or may.
  if (/\d\s+[mgshlLNJWVA](?![a-zA-Z])/.test(text)) {
    readings.push(...readings.map((reading) => ({ ...reading, letterUnits: true })));
  }
  return readings.flatMap((reading) => {
    try {
      const { node, asked } = read(text, reading);
      // Read as the plain one where nothing was ambiguous after all.
      return reading === plain || asked ? [node] : [];
    } catch (error) {
      if (error instanceof UnreadableError) return [];
      throw error;
    }
  });
}

/** Whether a comma may part the places of a decimal: those of "1,234" part thousands, as one of "0,125" cannot. */
const mayBeDecimals = (text: string): boolean => /\d,\d/.test(text) && !/^-?[1-9]\d{0,2}(?:,\d{3})+$/.test(text.trim());

/** Both signs of a ± are answers. */
function read(text: string, reading: Reading): { readonly node: Node; readonly asked: boolean } {
  const { node, plusMinus, asked } = parseAnswer(text, reading);
  if (!plusMinus) return { node, asked };
  const other = parseAnswer(text, { ...reading, sign: -1 }).node;
  const several =
    node.kind === other.kind && (node.kind === "set" || node.kind === "list") && "items" in other
      ? { kind: node.kind, items: [...node.items, ...other.items] }
      : { kind: "list" as const, items: [node, other] };
  return { node: several, asked };
}
