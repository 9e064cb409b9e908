import assert from "node:assert/strict";
import { test } from "node:test";

import { boxWords, drawBoxes } from "../../../static/reading/boxes.js";

test("a box says what it is, shortened to its room, and a suggestion asks", () => {
  assert.equal(boxWords(7, [], 80), "7");
  assert.equal(boxWords(7, ["Lymphocyte", true], 200), "7 Lymphocyte");
  assert.equal(boxWords(7, ["Lymphocyte", false], 200), "7 Lymphocyte?");
  assert.equal(boxWords(12, ["Immature granulocyte", false], 40), "12 Imma…?");
});

test("boxes are drawn where the picture is, without those that others stand in the place of", () => {
  const frames = [];
  const words = [];
  const context = {
    strokeRect: (...frame) => frames.push([...frame, context.lineWidth]),
    strokeText: () => {},
    fillText: (text) => words.push(text),
  };
  const data = { boxes: [[10, 20, 30, 50], [0, 0, 5, 5], [40, 40, 44, 48]], types: [["Blast", false]], gone: [2] };
  drawBoxes(context, data, { x: 100, y: 200, scale: 2 }, 3, 1);
  assert.deepEqual(frames.map((frame) => frame.slice(0, 4)).filter((_, place) => place % 2), [[120, 240, 40, 60], [180, 280, 8, 16]]);
  assert.deepEqual(words, ["1 Blast?", "3"]);
  assert.ok(frames[2][4] > frames[0][4], "the chosen one's frame is thicker");
});
