import assert from "node:assert/strict";
import { test } from "node:test";

import { afterNaming, neighbour } from "../../../static/cells/order.js";

const NAMES = ["1.1", "1.2", "1.3", "1.4"];

test("after a cell was named the next one is meant", () => {
  assert.equal(afterNaming(NAMES, ["1.2"]), "1.3");
});

test("cells that were named together are passed over", () => {
  assert.equal(afterNaming(NAMES, ["1.3", "1.2"]), "1.4");
  assert.equal(afterNaming(NAMES, ["1.1", "1.3"]), "1.4");
});

test("after the last one it is the nearest before", () => {
  assert.equal(afterNaming(NAMES, ["1.4"]), "1.3");
  assert.equal(afterNaming(NAMES, ["1.3", "1.4"]), "1.2");
});

test("where all were named it stays", () => {
  assert.equal(afterNaming(NAMES, NAMES), "1.4");
});

// Two rows of three and one of one, as the page lays them out.
const BOXES = [[0, 0], [110, 0], [220, 0], [0, 150], [110, 150], [220, 150], [0, 300]].map(
  ([left, top]) => ({ left, top, height: 140 }),
);

test("left and right go along the page, over the ends of rows", () => {
  assert.equal(neighbour(BOXES, 2, "ArrowRight"), 3);
  assert.equal(neighbour(BOXES, 3, "ArrowLeft"), 2);
  assert.equal(neighbour(BOXES, 0, "ArrowLeft"), -1);
  assert.equal(neighbour(BOXES, 6, "ArrowRight"), -1);
});

test("up and down go to the same column of the next row", () => {
  assert.equal(neighbour(BOXES, 1, "ArrowDown"), 4);
  assert.equal(neighbour(BOXES, 5, "ArrowUp"), 2);
});

test("where the next row has no such column it is the nearest, and never the row beyond", () => {
  assert.equal(neighbour(BOXES, 5, "ArrowDown"), 6);
  assert.equal(neighbour(BOXES, 2, "ArrowDown"), 5);
});

test("beyond the first and the last row there is nothing", () => {
  assert.equal(neighbour(BOXES, 1, "ArrowUp"), -1);
  assert.equal(neighbour(BOXES, 6, "ArrowDown"), -1);
});
