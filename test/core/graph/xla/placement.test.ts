import { expect, test } from "vitest";
import { symbol } from "../../../../core/graph/dims.ts";
import { Mesh } from "../../../../core/graph/xla/placement.ts";

test("matrices that stay are cut along their largest axis that devices divide, vectors and all else are copied", () => {
  const full = new Mesh(4, "full");
  expect([[8, 12], [12, 8], [8, 8], [6, 8], [6, 9], [16], [3, 4, 8]].map((shape) => full.kept(shape))).toEqual([
    1,
    0,
    0,
    1,
    "whole",
    "whole",
    2,
  ]);
  for (const mesh of [new Mesh(4, "replicated"), new Mesh(1, "full")]) expect(mesh.kept([8, 8])).toBe("whole");
});

test("what a program returns is cut by its first named size, where devices divide it", () => {
  const mesh = new Mesh(2, "full");
  expect([
    mesh.returned([symbol("B"), 3], [4, 3]),
    mesh.returned([5, symbol("B")], [5, 6]),
    mesh.returned([symbol("B"), 4], [3, 4]),
    mesh.returned([4, 6], [4, 6]),
  ]).toEqual([0, 1, "whole", 1]);
  expect([mesh.rows([4, 3]), mesh.rows([3, 4]), mesh.rows([])]).toEqual([0, "whole", "whole"]);
});

test.each([0, 1, 2])("parts along axis %i, joined, are the array", (axis) => {
  const mesh = new Mesh(2, "full");
  const array = { shape: [4, 2, 6], data: Float32Array.from({ length: 48 }, (_, i) => i) };
  const parts = mesh.split(array, axis) as Float32Array[];
  expect(mesh.part(array.shape, axis)).toEqual(array.shape.map((size, i) => (i === axis ? size / 2 : size)));
  expect(parts.map(({ length }) => length)).toEqual([24, 24]);
  // The second part begins where the axis is halfway.
  expect(parts[1]![0]).toBe([24, 6, 3][axis]);
  expect(mesh.join(parts, array.shape, axis, new Float32Array(48))).toEqual(array.data);
});

test("what each device has of its own is joined along an axis in front", () => {
  const mesh = new Mesh(2);
  expect([mesh.part([3], "own"), mesh.all([3], "own")]).toEqual([
    [1, 3],
    [2, 3],
  ]);
  expect(mesh.join([Float32Array.of(1, 2, 3), Float32Array.of(4, 5, 6)], [3], "own", new Float32Array(6))).toEqual(
    Float32Array.of(1, 2, 3, 4, 5, 6),
  );
});
