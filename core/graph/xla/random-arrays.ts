/** Programs that fill arrays on the device, so that weights for a measurement never stand in the host's memory. */
import { commonModule } from "./modules.ts";
import type { Mesh, Placement } from "./placement.ts";
import { type Hlo, HloWriter } from "./writer.ts";

/** Where the array will be. */
export interface Destination {
  readonly mesh: Mesh;
  readonly placement: Placement;
}

/**
 * (seed [] int32, deviation []) → numbers uniform around 0 with this standard deviation: a hash of each
 * place, the same on every device.
 */
export function uniformText(shape: readonly number[], to: Destination): string {
  const hlo = new HloWriter();
  const [seed, deviation] = [hlo.argument([], "i32"), hlo.argument([], "f32")];
  const filled = (value: number): Hlo => hlo.filled(value | 0, shape, "i32");
  let hash = hlo.filled(0, shape, "i32");
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    hash = hlo.map("add", hash, hlo.map("multiply", hlo.iota(shape, axis), filled(stride)));
    stride = Math.imul(stride, shape[axis]!);
  }
  hash = hlo.map(
    "add",
    hlo.map("multiply", hash, filled(0x9e3779b9)),
    hlo.map("multiply", hlo.broadcast(seed, shape, []), filled(0x632be5ab)),
  );
  // The last steps of MurmurHash3: each bit of the place changes half of the result's.
  for (const [shift, factor] of [
    [16, 0x85ebca6b],
    [13, 0xc2b2ae35],
    [16, 1],
  ] as const) {
    hash = hlo.map("xor", hash, hlo.map("shift_right_logical", hash, filled(shift)));
    hash = hlo.map("multiply", hash, filled(factor));
  }
  // 24 bits as a fraction of 1, minus a half; the standard deviation of those is 1 / √12.
  const fraction = hlo.convert(hlo.map("shift_right_logical", hash, filled(8)), "f32");
  const centred = hlo.map(
    "subtract",
    hlo.map("multiply", fraction, hlo.filled(2 ** -24, shape)),
    hlo.filled(0.5, shape),
  );
  const scale = hlo.map("multiply", deviation, hlo.constant(Math.sqrt(12)));
  return filling(hlo, [seed, deviation], hlo.map("multiply", centred, hlo.broadcast(scale, shape, [])), to);
}

/** (number []) → the same number in every place. */
export function filledText(shape: readonly number[], type: "f32" | "bf16", to: Destination): string {
  const hlo = new HloWriter();
  const number = hlo.argument([], "f32");
  return filling(hlo, [number], hlo.broadcast(hlo.convert(number, type), shape, []), to);
}

function filling(hlo: HloWriter, inputs: readonly Hlo[], array: Hlo, { mesh, placement }: Destination): string {
  return commonModule(
    hlo,
    mesh,
    inputs.map((input) => ({ array: input, placement: "whole" })),
    [{ array, placement }],
  );
}
