/** Options of commands. */

/** @throws Error naming the option when the text is no number from `least` */
export function numberFrom(option: string, text: string, least: number): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < least) throw new Error(`${option} takes a number from ${least}, not "${text}"`);
  return value;
}

/** @throws Error naming the option when the text is no whole number from 1 */
export function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`${option} takes a whole number from 1, not "${text}"`);
  return value;
}
