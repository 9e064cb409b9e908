import assert from "node:assert/strict";
import { test } from "node:test";

import { placeOf, recall, remember, viewToBegin } from "../../../static/reading/remembered.js";
import { WHOLE } from "../../../static/reading/zoom.js";

function storage(text) {
  return { text, getItem() { return this.text; }, setItem(_name, value) { this.text = value; } };
}

test("what was remembered comes back, each part by itself", () => {
  const kept = storage(null);
  remember(kept, { view: "mask" });
  remember(kept, { boxes: true });
  assert.deepEqual(recall(kept), { view: "mask", boxes: true });
});

test("what is no memory is none", () => {
  for (const text of [null, "", "{", "7", "null"]) assert.deepEqual(recall(storage(text)), {});
  const closed = { getItem() { throw new Error("closed"); }, setItem() { throw new Error("closed"); } };
  remember(closed, { view: "mask" });
  assert.deepEqual(recall(closed), {});
});

test("the last view is taken again where the image has it and the address asks for none", () => {
  assert.equal(viewToBegin("map", ["original", "map"], false), "map");
  assert.equal(viewToBegin("map", ["original"], false), undefined);
  assert.equal(viewToBegin("map", ["original", "map"], true), undefined);
  assert.equal(viewToBegin(undefined, ["original"], false), undefined);
});

test("a place that nobody can have been at is the whole picture", () => {
  const place = { zoom: 2, x: 0.25, y: 0.5 };
  assert.deepEqual(placeOf(place), place);
  for (const wrong of [null, undefined, {}, { ...place, zoom: 0.5 }, { ...place, x: 2 }, { ...place, y: "0.5" }]) {
    assert.deepEqual(placeOf(wrong), WHOLE);
  }
});
