/** Which of a model's parameters are trained. */
import picomatch from "picomatch";

/**
 * All but those that a pattern (picomatch) freezes.
 * @param others names that are frozen anyway, which a pattern may match too
 * @throws Error naming a pattern that matches nothing, or the patterns that leave nothing
 */
export function trainedParameters(
  names: readonly string[],
  freeze: readonly string[],
  others: readonly string[] = [],
): Set<string> {
  for (const pattern of freeze) {
    const matches = picomatch(pattern);
    if (![...names, ...others].some((name) => matches(name)))
      throw new Error(
        `freeze: the pattern "${pattern}" matches no parameter; names look like ${names[0]} and ${names.at(-1)}`,
      );
  }
  const frozen = freeze.length > 0 ? picomatch([...freeze]) : () => false;
  const trained = names.filter((name) => !frozen(name));
  if (trained.length === 0) throw new Error(`freeze: the patterns ${freeze.join(", ")} leave no parameter to train`);
  return new Set(trained);
}
