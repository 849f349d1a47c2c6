/** Arithmetic on arrays of which the second stretches to the first one's shape. */
import type { Hlo, HloWriter } from "./writer.ts";

const binary =
  (name: string) =>
  (hlo: HloWriter, a: Hlo, b: Hlo): Hlo =>
    hlo.map(name, a, hlo.stretch(b, a.shape));
export const [plus, minus, times, over, larger] = [
  binary("add"),
  binary("subtract"),
  binary("multiply"),
  binary("divide"),
  binary("maximum"),
] as const;
export const exp = (hlo: HloWriter, x: Hlo): Hlo => hlo.map("exponential", x);
/** Sums, the axes kept with size 1. */
export const sumOver = (hlo: HloWriter, x: Hlo, ...axes: readonly number[]): Hlo =>
  hlo.reshape(
    hlo.reduce(x, "add", axes),
    x.shape.map((size, axis) => (axes.includes(axis) ? 1 : size)),
  );
export const atLeast = (hlo: HloWriter, x: Hlo, least: number): Hlo => larger(hlo, x, hlo.constant(least));
/** 1 where x is above a number, else 0. */
export const above = (hlo: HloWriter, x: Hlo, least: number): Hlo =>
  hlo.convert(hlo.compare("GT", x, hlo.filled(least, x.shape)), "f32");
