/** A text with {name} replaced by the value of that name; names without a value stay. */
export const filledIn = (text: string, values: Readonly<Record<string, unknown>>): string =>
  text.replace(/\{([A-Za-z_]\w*)\}/g, (placeholder, name: string) =>
    Object.hasOwn(values, name) ? String(values[name]) : placeholder,
  );
