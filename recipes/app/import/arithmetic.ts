/** Sums of whole numbers as a shell computes them. */

/** @returns undefined where something else stands in it */
export function arithmetic(text: string, variables: ReadonlyMap<string, string>): string | undefined {
  const tokens = text.match(/\d+|\w+|[-+*/%()]|\S/g) ?? [];
  let at = 0;
  const next = (): string | undefined => tokens[at];
  const factor = (): number => {
    const token = tokens[at++] ?? "";
    if (token === "-") return -factor();
    if (token !== "(")
      return /^\d+$/.test(token)
        ? Number(token)
        : /^\d+$/.test(variables.get(token) ?? "")
          ? Number(variables.get(token))
          : NaN;
    const inner = sum();
    return tokens[at++] === ")" ? inner : NaN;
  };
  const product = (): number => {
    let value = factor();
    while (/^[*/%]$/.test(next() ?? "")) {
      const sign = tokens[at++];
      const right = factor();
      value = sign === "*" ? value * right : sign === "/" ? Math.trunc(value / right) : value % right;
    }
    return value;
  };
  const sum = (): number => {
    let value = product();
    while (next() === "+" || next() === "-") value += tokens[at++] === "+" ? product() : -product();
    return value;
  };
  const value = sum();
  return at === tokens.length && Number.isFinite(value) ? String(value) : undefined;
}
