import assert from "node:assert/strict";
import { test } from "node:test";

import { corners, drawLeukocytes, shadeOf } from "../../../static/reading/leukocytes.js";

const COLOURS = "000000808080ffffff"; // a table of three

test("a weight has the colour of its place in the table", () => {
  assert.equal(shadeOf(1, COLOURS), "#ffffff");
  assert.equal(shadeOf(0.5, COLOURS), "#808080");
  assert.equal(shadeOf(7, COLOURS), "#ffffff");
});

test("what speaks against the label, and what was never weighed, has no shade", () => {
  for (const weight of [0, -1, undefined]) assert.equal(shadeOf(weight, COLOURS), undefined);
});

test("an outline is placed as its picture is", () => {
  assert.deepEqual(corners([0, 0, 10, 5], { x: 3, y: 4, scale: 2 }), [[3, 4], [23, 14]]);
});

test("every leukocyte is outlined and numbered, and only those that count are filled", () => {
  const called = [];
  const context = new Proxy({}, {
    get: (_target, name) => (...values) => called.push([name, ...values]),
    set: () => true,
  });
  const data = { inferno: COLOURS, weights: { 1: 1, 2: -0.5 }, outlines: { 1: [0, 0, 9, 0, 9, 9], 2: [20, 20, 29, 20, 29, 29], 3: [] } };
  drawLeukocytes(context, data, { x: 0, y: 0, scale: 1 }, { opacity: 0.5, chosen: 2, ratio: 1 });
  const names = called.map(([name]) => name);
  assert.equal(names.filter((name) => name === "fill").length, 1);
  assert.equal(names.filter((name) => name === "stroke").length, 4);
  assert.deepEqual(called.filter(([name]) => name === "fillText").map(([, number]) => number), ["1", "2"]);
});
