import { expect, it } from "vitest";
import { interpolatePositions } from "../../../../../core/model/encoders/dinov2/positions.ts";

const embeddings = Float32Array.of(100, 0, 1, 2, 3);

it("leaves the very grid alone, and the CLS token's always", () => {
  expect(interpolatePositions(embeddings, 2, 1, 2, 2, "plain")).toBe(embeddings);
  expect(interpolatePositions(embeddings, 2, 1, 3, 4, "plain")[0]).toBe(100);
});

it("keeps what is constant constant, and what rises rising, in either kernel", () => {
  for (const how of ["plain", "antialiased"] as const) {
    const flat = interpolatePositions(Float32Array.of(7, 5, 5, 5, 5), 2, 1, 5, 3, how);
    expect(flat.subarray(1).every((value) => Math.abs(value - 5) < 1e-6)).toBe(true);
    const rows = interpolatePositions(embeddings, 2, 1, 4, 1, how).subarray(1);
    for (let row = 1; row < 4; row++) expect(rows[row]!).toBeGreaterThan(rows[row - 1]!);
    // Symmetric about the middle, 1.5.
    expect(rows[0]! + rows[3]!).toBeCloseTo(3, 5);
  }
});
