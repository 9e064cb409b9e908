// How the cells page is laid out in chunks.
import assert from "node:assert/strict";
import test from "node:test";

import { heightOf, inParts } from "../../../static/cells/virtual_cells.js";

test("a chunk is as high as its rows", () => {
  assert.equal(heightOf(10, 550, 96), 2 * 150); // five to a row of 104 and its gap
  assert.equal(heightOf(11, 550, 96), 3 * 150);
  assert.equal(heightOf(3, 40, 96), 3 * 150); // on the narrowest screen one to a row
  assert.equal(heightOf(0, 550, 96), 0);
});

test("a group is laid out in parts that have everything once, in order", () => {
  const list = Array.from({ length: 36 }, (_, place) => place);
  const parts = inParts(list);
  assert.deepEqual(parts.map((part) => part.length), [16, 16, 4]);
  assert.deepEqual(parts.flat(), list);
  assert.deepEqual(inParts([]), []);
});
