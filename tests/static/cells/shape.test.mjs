// What is drawn on a field: by pointer and by keys.
import assert from "node:assert/strict";
import test from "node:test";

import { between } from "../../../static/cells/order.js";
import { circle, encloses, moved, pathOf, shapeOf } from "../../../static/cells/shape.js";

const SIZE = { width: 100, height: 80 };

test("arrows move the circle and stop at the edge of the picture", () => {
  const at = { x: 98, y: 2, diameter: 20 };
  assert.deepEqual(moved(at, "ArrowRight", 5, SIZE), { x: 100, y: 2, diameter: 20 });
  assert.deepEqual(moved(at, "ArrowUp", 5, SIZE), { x: 98, y: 0, diameter: 20 });
  assert.equal(moved(at, "+", 5, SIZE).diameter, 22);
  assert.ok(moved({ ...at, diameter: 4 }, "-", 5, SIZE).diameter === 4);
  assert.equal(moved(at, "q", 5, SIZE), null);
});

test("a circle has its diameter, and is an outline where a click is none", () => {
  const corners = circle({ x: 50, y: 40, diameter: 20 });
  assert.ok(corners.every(([x, y]) => Math.abs(Math.hypot(x - 50, y - 40) - 10) < 1e-9));
  assert.ok(encloses(corners, 5));
  assert.ok(!encloses([[1, 1], [1, 1], [1, 1], [1, 1], [1, 1]], 5));
  assert.equal(pathOf([[1, 2], [3, 4]], false), "M1.0 2.0L3.0 4.0");
  assert.equal(pathOf([], true), "");
});

test("a range of cells is the same from either end", () => {
  const list = ["a", "b", "c", "d"];
  assert.deepEqual(between(list, "b", "d"), ["b", "c", "d"]);
  assert.deepEqual(between(list, "d", "b"), ["b", "c", "d"]);
});

test("what was sent before is a shape again, and what is none draws nothing", () => {
  assert.deepEqual(shapeOf("[[1, 2], [3.5, 4]]", 2), [[1, 2], [3.5, 4]]);
  for (const text of ["", "[[1, 2]]", "[[1], [2]]", '[["1", "2"], ["3", "4"]]', "[[1, null], [2, 3]]", "{}", "null", "[[1, 2], ["]) {
    assert.equal(shapeOf(text, 2), null, text);
  }
});
