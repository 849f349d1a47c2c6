/** Tensor memory. */
import { tidy } from "@tensorflow/tfjs-core";

/**
 * Run `work` and free every tensor it made; its result must be plain data (tfjs's own `tidy` would search it for
 * tensors).
 */
export function scoped<T>(work: () => T): T {
  let result: { readonly value: T } | undefined;
  tidy(() => {
    result = { value: work() };
  });
  return result!.value;
}
