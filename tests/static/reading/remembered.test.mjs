import assert from "node:assert/strict";
import { test } from "node:test";

import { opacityOf, placeOf, recall, remember, toBegin } from "../../../static/reading/remembered.js";
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
  const views = ["original", "mask", "map"];
  assert.equal(toBegin(views, [undefined, false, "map"], "original"), "map");
  assert.equal(toBegin(["original"], [undefined, false, "map"], "original"), "original");
  assert.equal(toBegin(views, [undefined, "mask", "map"], "original"), "mask");
  assert.equal(toBegin(views, [undefined, false, undefined], "original"), "original");
});

test("what was chosen on a page stays on it when it is loaded again, whatever its address asks for", () => {
  assert.equal(toBegin(["Early", "Pre", "Pro"], ["Pro", "Early", "Pre"], "Early"), "Pro");
});

test("an opacity that no slider can have is the page's own", () => {
  assert.equal(opacityOf(0.8, 0.45), 0.8);
  assert.equal(opacityOf(0, 0.45), 0);
  for (const wrong of [undefined, null, "0.8", 80, -1]) assert.equal(opacityOf(wrong, 0.45), 0.45);
});

test("a place that nobody can have been at is the whole picture", () => {
  const place = { zoom: 2, x: 0.25, y: 0.5 };
  assert.deepEqual(placeOf(place), place);
  for (const wrong of [null, undefined, {}, { ...place, zoom: 0.5 }, { ...place, x: 2 }, { ...place, y: "0.5" }]) {
    assert.deepEqual(placeOf(wrong), WHOLE);
  }
});
