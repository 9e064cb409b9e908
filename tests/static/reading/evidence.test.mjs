import assert from "node:assert/strict";
import { test } from "node:test";

import {
  coloured, gridOf, hasEvidence, mapSize, mayAskMore, methodShown, methodsFor, opacityAfter, palette,
} from "../../../static/reading/evidence.js";

const DATA = {
  maps: { benign: [[0, 0]], pre: [[0, 1]] },
  parts: [],
  methods: { "score-cam": { pre: [[0.5, 0.5]] }, smoothgrad: { pre: [[0.25, 0]], benign: [[0, 0.1]] } },
};
const BLIND = { maps: {} };

test("the methods of a class are the first and those that drew it", () => {
  assert.deepEqual(methodsFor(DATA, "pre"), ["grad-cam", "score-cam", "smoothgrad"]);
  assert.deepEqual(methodsFor(DATA, "benign"), ["grad-cam", "smoothgrad"]);
});

test("a page without maps has no methods", () => {
  assert.deepEqual(methodsFor(BLIND, ""), []);
  assert.deepEqual(methodsFor(BLIND, "pre"), []);
});

test("the wished method is shown where it drew the class, and the first one elsewhere", () => {
  assert.equal(methodShown(DATA, "pre", "score-cam"), "score-cam");
  assert.equal(methodShown(DATA, "benign", "score-cam"), "grad-cam");
  assert.equal(methodShown(DATA, "pre", undefined), "grad-cam");
  assert.equal(gridOf(DATA, "pre", "score-cam"), DATA.methods["score-cam"].pre);
  assert.equal(gridOf(DATA, "benign", "score-cam"), DATA.maps.benign);
  assert.equal(gridOf(BLIND, "pre", "grad-cam"), undefined);
});

test("more maps can be asked for until all are drawn of the class", () => {
  assert.equal(mayAskMore(DATA, "pre"), false);
  assert.equal(mayAskMore(DATA, "benign"), true);
  assert.equal(mayAskMore({ ...DATA, methods: {} }, "pre"), true);
});

test("no further maps are offered of a field that was read in parts: they would be refused", () => {
  assert.equal(mayAskMore({ ...DATA, methods: {}, parts: [[0, 0, 640, 480]] }, "pre"), false);
});

test("a map without a positive number shows no evidence", () => {
  assert.equal(hasEvidence([[0, 0], [0, 0]]), false);
  assert.equal(hasEvidence([[0, 0], [0, 0.001]]), true);
});

test("a colour table becomes opaque pixels, red in the lowest byte", () => {
  const pixels = palette("00000401fe80");
  assert.deepEqual([...pixels], [0xff040000, 0xff80fe01]);
  assert.deepEqual([...new Uint8Array(pixels.buffer)], [0, 0, 4, 255, 1, 254, 128, 255]);
});

test("a map is drawn with a long side of 384 and the picture's shape, and never without pixels", () => {
  assert.deepEqual(mapSize({ width: 2000, height: 1000 }), { width: 384, height: 192 });
  assert.deepEqual(mapSize({ width: 10, height: 9000 }), { width: 1, height: 384 });
});

const GREY = Uint32Array.from({ length: 256 }, (_, value) => value);

test("a grid of the map's own size is looked up value by value", () => {
  const found = coloured([[0, 0.5], [1, 0.2]], { width: 2, height: 2 }, GREY);
  assert.deepEqual([...found], [0, 128, 255, 51]);
});

test("between the numbers of a grid colours change evenly, and the border keeps the outermost", () => {
  const found = coloured([[0, 1]], { width: 8, height: 1 }, GREY);
  assert.deepEqual([...found], [0, 0, 32, 96, 159, 223, 255, 255]);
});

test("rows are enlarged as columns are", () => {
  const found = coloured([[0], [1]], { width: 1, height: 8 }, GREY);
  assert.deepEqual([...found], [0, 0, 32, 96, 159, 223, 255, 255]);
});

test("a number outside 0 to 1 takes the colour of the end", () => {
  assert.deepEqual([...coloured([[-1, 2]], { width: 2, height: 1 }, GREY)], [0, 255]);
});

test("the opacity goes in steps and ends at 0 and 100", () => {
  assert.equal(opacityAfter(0.45, 5), 50);
  assert.equal(opacityAfter(0.45, -5), 40);
  assert.equal(opacityAfter(0.02, -5), 0);
  assert.equal(opacityAfter(1, 5), 100);
});
