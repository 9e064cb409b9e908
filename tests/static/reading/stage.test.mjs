import assert from "node:assert/strict";
import { test } from "node:test";

import { stageOf } from "../../../static/reading/stage.js";

test("a page that brings nothing but the picture has no boxes, parts or maps to draw", () => {
  const stage = stageOf('{"width": 640, "height": 480, "views": {"original": "/images/1"}}');
  assert.equal(stage.width, 640);
  for (const name of ["boxes", "parts", "gone", "types"]) assert.deepEqual(stage[name], []);
  for (const name of ["maps", "methods", "weights", "outlines"]) assert.deepEqual(stage[name], {});
  assert.equal(stage.cell, 0);
});

test("what a page brings is drawn", () => {
  assert.deepEqual(stageOf('{"parts": [[0, 0, 10, 10]], "cell": 3}').parts, [[0, 0, 10, 10]]);
});
