/**
 * By how much the first prompts and responses of a step differ from those of the same step computed again, and where.
 */
import type { StepNumbers } from "@papo/core";

type View = StepNumbers["views"][number];
type Response = StepNumbers["responses"][number];

/** A sentence on what a digest that differs is of, by its name; null where the step's numbers hold nothing of it. */
export function whereNumbersDiffer(name: string, was: StepNumbers, is: StepNumbers): string | null {
  if (name === "rows") return rowsText(was, is);
  if (name.startsWith("view ")) return viewText(viewsOf(was, name.slice(5)), viewsOf(is, name.slice(5)));
  const pairs = was.responses.flatMap((one) => {
    const other = is.responses.find(
      ({ key, round, index }) => key === one.key && round === one.round && index === one.index,
    );
    return other === undefined ? [] : [{ was: one, is: other }];
  });
  if (pairs.length === 0) return null;
  const said =
    name === "tokens"
      ? tokensText(pairs)
      : name === "log-probs"
        ? logProbsText(pairs)
        : name === "rewards"
          ? rewardsText(pairs)
          : null;
  return (
    said ??
    (["tokens", "log-probs", "rewards"].includes(name)
      ? `not in what is recorded by number, the first tokens of the first ${pairs.length} responses`
      : null)
  );
}

function rowsText({ views: was }: StepNumbers, { views: is }: StepNumbers): string | null {
  const keys = (views: readonly View[]): string[] => [...new Set(views.map(({ key }) => key))];
  const [before, now] = [keys(was), keys(is)];
  const first = before.findIndex((key, index) => now[index] !== key);
  return first < 0
    ? null
    : `first prompt ${first + 1}: "${before[first]!}" → ${now[first] === undefined ? "none" : `"${now[first]}"`}`;
}

const viewsOf = ({ views }: StepNumbers, view: string): View[] => views.filter((one) => one.view === view);

function viewText(was: readonly View[], is: readonly View[]): string | null {
  const pairs = was.flatMap((one) => {
    const other = is.find(
      ({ key, round, response }) => key === one.key && round === one.round && response === one.response,
    );
    return other === undefined || other.digest === one.digest ? [] : [{ was: one, is: other }];
  });
  if (pairs.length === 0) return null;
  const counted = pairs.map((pair) => ({
    ...pair,
    patches: flagsThatDiffer(pair.was.changed, pair.is.changed),
    left: flagsThatDiffer(pair.was.dropped, pair.is.dropped),
  }));
  const most = counted.reduce((a, b) => (b.patches + b.left > a.patches + a.left ? b : a));
  const { key, response } = most.was;
  const of = `"${key}"${response === undefined ? "" : `, response ${response}`}`;
  const by = [
    ...(most.patches > 0 ? [`${most.patches} patches are masked in one of the two alone`] : []),
    ...(most.left > 0 ? [`${most.left} visual tokens are left out in one of the two alone`] : []),
  ];
  return `${pairs.length} of ${was.length} recorded, most that of ${of}: ${by.length > 0 ? by.join(", ") : "the same patches, with other text or other pixels"}`;
}

function flagsThatDiffer(was = "", is = ""): number {
  const [a, b] = [Buffer.from(was, "base64"), Buffer.from(is, "base64")];
  let count = 0;
  for (let index = 0; index < Math.max(a.length, b.length); index++)
    for (let rest = (a[index] ?? 0) ^ (b[index] ?? 0); rest > 0; rest >>= 1) count += rest & 1;
  return count;
}

interface Pair {
  readonly was: Response;
  readonly is: Response;
}

const named = ({ key, round, index }: Response): string =>
  `response ${index} to "${key}"${round > 0 ? ` (round ${round})` : ""}`;

function tokensText(pairs: readonly Pair[]): string | null {
  const differing = pairs.flatMap((pair) => {
    const [a, b] = [int32(pair.was.tokens), int32(pair.is.tokens)];
    const at = Array.from({ length: Math.max(a.length, b.length) }, (_, index) => index).find(
      (index) => a[index] !== b[index],
    );
    if (at === undefined)
      return pair.was.length === pair.is.length
        ? []
        : [{ pair, text: `${pair.was.length} → ${pair.is.length} tokens` }];
    return [{ pair, text: `token ${at + 1}: ${a[at] ?? "none"} → ${b[at] ?? "none"}` }];
  });
  const first = differing[0];
  return first === undefined
    ? null
    : `${differing.length} of ${pairs.length} recorded responses, first ${named(first.pair.was)} from ${first.text}`;
}

/** Log-probs of equal tokens after equal ones: those of others say nothing. */
function logProbsText(pairs: readonly Pair[]): string | null {
  let largest: { readonly by: number; readonly text: string } | null = null;
  for (const { was, is } of pairs) {
    const [a, b, before, now] = [int32(was.tokens), int32(is.tokens), float32(was.logProbs), float32(is.logProbs)];
    for (let index = 0; index < before.length && a[index] === b[index]; index++) {
      const by = Math.abs(before[index]! - now[index]!);
      if (by > (largest?.by ?? 0))
        largest = {
          by,
          text: `largest difference ${by.toExponential(2)} nats, ${named(was)}, token ${index + 1}: ${before[index]!} → ${now[index]!}`,
        };
    }
  }
  return largest?.text ?? null;
}

function rewardsText(pairs: readonly Pair[]): string | null {
  const by = ({ was, is }: Pair): number => Math.abs(was.reward - is.reward);
  const most = pairs.reduce((a, b) => (by(b) > by(a) ? b : a));
  return by(most) === 0
    ? null
    : `largest difference ${by(most).toExponential(2)}, ${named(most.was)}: ${most.was.reward} → ${most.is.reward}`;
}

const int32 = (text: string): Int32Array => new Int32Array(bytesOf(text));
const float32 = (text: string): Float32Array => new Float32Array(bytesOf(text));

/** In a buffer of their own, as long as whole numbers of four bytes are. */
const bytesOf = (text: string): ArrayBuffer =>
  new Uint8Array(Buffer.from(text, "base64")).buffer.slice(0, Buffer.byteLength(text, "base64") & ~3);
