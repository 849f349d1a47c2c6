/**
 * Sizes of axes: numbers, or polynomials over named sizes that are known when the graph runs.
 *
 * Lengths and row counts differ from batch to batch; keeping them symbolic means that one compiled graph serves them
 * all.
 */

/** A polynomial with integer coefficients over symbol names, e.g. `B*P+B*N*R`. */
export interface SymbolicDim {
  /** Coefficient by monomial; a monomial is its symbols, sorted and joined by "*" ("" is the constant). */
  readonly terms: ReadonlyMap<string, number>;
  /** Canonical text: equal dims have equal keys. */
  readonly key: string;
}

export type Dim = number | SymbolicDim;
export type Shape = readonly Dim[];

/** The size named `name`; its value is read off a graph input that has it as an axis. */
export const symbol = (name: string): SymbolicDim => make(new Map([[name, 1]])) as SymbolicDim;

export function plus(...dims: readonly Dim[]): Dim {
  const sum = new Map<string, number>();
  for (const dim of dims)
    for (const [monomial, coefficient] of termsOf(dim)) sum.set(monomial, (sum.get(monomial) ?? 0) + coefficient);
  return make(sum);
}

export function times(...dims: readonly Dim[]): Dim {
  return dims.reduce((left, right) => {
    const product = new Map<string, number>();
    for (const [a, x] of termsOf(left)) {
      for (const [b, y] of termsOf(right)) {
        const monomial = [...symbolsOf(a), ...symbolsOf(b)].sort().join("*");
        product.set(monomial, (product.get(monomial) ?? 0) + x * y);
      }
    }
    return make(product);
  }, 1);
}

export const dimText = (dim: Dim): string => (typeof dim === "number" ? String(dim) : dim.key);
export const shapeText = (shape: Shape): string => `[${shape.map(dimText).join(", ")}]`;
export const sameDim = (a: Dim, b: Dim): boolean =>
  typeof a === "number" || typeof b === "number" ? a === b : a.key === b.key;
export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((dim, i) => sameDim(dim, at(b, i)));
export const sizeOf = (shape: Shape): Dim => times(...shape);

/** The axis at `i`, negative from the end; a missing axis is an error. */
export function at(shape: Shape, i: number): Dim {
  const dim = shape.at(i);
  if (dim === undefined) throw new Error(`shape ${shapeText(shape)} has no axis ${i}`);
  return dim;
}

/** Monomials and coefficients, the symbols of a monomial split: what an executor needs to compute a size. */
export const monomials = (
  dim: SymbolicDim,
): readonly { readonly symbols: readonly string[]; readonly coefficient: number }[] =>
  [...dim.terms].map(([monomial, coefficient]) => ({ symbols: symbolsOf(monomial), coefficient }));

/** The size of an axis where named sizes have these values. @throws Error naming a symbol without a value */
export function evaluate(dim: Dim, values: ReadonlyMap<string, number>): number {
  if (typeof dim === "number") return dim;
  const valueOf = (name: string): number => {
    const value = values.get(name);
    if (value === undefined) throw new Error(`no input of the graph has the size "${name}" as an axis`);
    return value;
  };
  return monomials(dim).reduce(
    (sum, { symbols, coefficient }) => sum + symbols.reduce((product, name) => product * valueOf(name), coefficient),
    0,
  );
}

const symbolsOf = (monomial: string): string[] => (monomial === "" ? [] : monomial.split("*"));
const termsOf = (dim: Dim): Iterable<readonly [string, number]> => (typeof dim === "number" ? [["", dim]] : dim.terms);

function make(terms: Map<string, number>): Dim {
  for (const [monomial, coefficient] of terms) if (coefficient === 0) terms.delete(monomial);
  if (terms.size === 0) return 0;
  const constant = terms.get("");
  if (terms.size === 1 && constant !== undefined) return constant;
  const sorted = new Map([...terms].sort(([a], [b]) => (a < b ? -1 : 1)));
  const key = [...sorted]
    .map(([monomial, c]) => (monomial === "" ? String(c) : c === 1 ? monomial : `${c}*${monomial}`))
    .join("+");
  return { terms: sorted, key };
}
