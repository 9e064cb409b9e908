import assert from "node:assert/strict";
import { test } from "node:test";

import { MAX_ZOOM, STEP, WHOLE, around, inSight, moved, placement, push, sizeAt, zoomed } from "../../../static/reading/zoom.js";

const PANE = { width: 800, height: 600 };
const PICTURE = { width: 400, height: 200 }; // twice as large fills the width; above and below 100 pixels are free

/** Return which point of the picture, from 0 to 1, lies under a point from the middle of the pane. */
function under(picture, place, [across, down]) {
  const at = placement(PANE, picture, place);
  return [(PANE.width / 2 + across - at.x) / at.width, (PANE.height / 2 + down - at.y) / at.height];
}

function near(found, expected) {
  found.forEach((value, index) => assert.ok(Math.abs(value - expected[index]) < 1e-9, `${found} is not ${expected}`));
}

test("a whole picture is as large as fits and in the middle", () => {
  assert.deepEqual(sizeAt(PANE, PICTURE, 1), { width: 800, height: 400, scale: 2 });
  assert.deepEqual(placement(PANE, PICTURE, WHOLE), { width: 800, height: 400, scale: 2, x: 0, y: 100 });
});

test("a high picture is limited by the pane's height", () => {
  assert.deepEqual(sizeAt(PANE, { width: 100, height: 300 }, 1), { width: 200, height: 600, scale: 2 });
});

test("zooming keeps what lies under the pointer where it is", () => {
  const filling = { width: 1600, height: 1200 };
  const pointer = [120, -60];
  const before = under(filling, WHOLE, pointer);
  let place = WHOLE;
  for (let step = 0; step < 4; step += 1) place = zoomed(PANE, filling, place, place.zoom * STEP, pointer);
  near([place.zoom], [STEP ** 4]);
  near(under(filling, place, pointer), before);
});

test("a side that still fits into the pane stays in the middle", () => {
  const place = zoomed(PANE, PICTURE, WHOLE, 1.25, [120, -60]);
  assert.ok(place.x > 0.5);
  assert.equal(place.y, 0.5);
});

test("zooming without a point keeps the middle", () => {
  assert.deepEqual(zoomed(PANE, PICTURE, WHOLE, 4), { zoom: 4, x: 0.5, y: 0.5 });
});

test("the zoom ends at the whole picture and at its largest", () => {
  assert.equal(zoomed(PANE, PICTURE, WHOLE, 0.2).zoom, 1);
  assert.equal(zoomed(PANE, PICTURE, WHOLE, 100).zoom, MAX_ZOOM);
});

test("a picture that is whole again is in the middle again", () => {
  assert.deepEqual(zoomed(PANE, PICTURE, { zoom: 3, x: 0.7, y: 0.4 }, 1), WHOLE);
});

test("a whole picture cannot be pushed", () => {
  assert.deepEqual(moved(PANE, PICTURE, WHOLE, 500, -500), WHOLE);
});

test("pushing moves the picture by so many pixels of the pane", () => {
  const place = moved(PANE, PICTURE, { zoom: 2, x: 0.5, y: 0.5 }, 160, -80);
  near([place.x, place.y], [0.4, 0.6]); // it is 1600 x 800 pixels large
  assert.equal(place.zoom, 2);
});

test("no edge of the picture is pushed into the pane", () => {
  for (const zoom of [2, 4, MAX_ZOOM]) {
    const first = placement(PANE, PICTURE, moved(PANE, PICTURE, { zoom, x: 0.5, y: 0.5 }, 1e6, 1e6));
    near([first.x, first.y], [0, 0]);
    const last = placement(PANE, PICTURE, moved(PANE, PICTURE, { zoom, x: 0.5, y: 0.5 }, -1e6, -1e6));
    near([last.x + last.width, last.y + last.height], [PANE.width, PANE.height]);
  }
});

test("a place that another pane allowed comes into sight", () => {
  const narrow = { width: 300, height: 600 }; // the picture is 600 x 300 in it
  const place = inSight(narrow, PICTURE, { zoom: 2, x: 0.9, y: 0.95 });
  near([place.x, place.y], [0.75, 0.5]);
});

test("an arrow moves what is looked at its own way, and no other key moves anything", () => {
  const before = { zoom: 4, x: 0.5, y: 0.5 };
  const after = (key) => moved(PANE, PICTURE, before, ...push(key, 60));
  assert.ok(after("ArrowRight").x > before.x);
  assert.ok(after("ArrowLeft").x < before.x);
  assert.ok(after("ArrowDown").y > before.y);
  assert.ok(after("ArrowUp").y < before.y);
  assert.equal(push("Enter", 60), undefined);
});

test("a box is brought to the middle, at a share of the pane, as far as the edges allow", () => {
  const place = around(PANE, PICTURE, [190, 90, 210, 110], 0.3);
  assert.deepEqual([place.x, place.y], [0.5, 0.5]);
  assert.equal(sizeAt(PANE, PICTURE, place.zoom).scale * 20, 0.3 * PANE.height);
  const corner = around(PANE, PICTURE, [0, 0, 20, 20], 0.3);
  assert.deepEqual(corner, inSight(PANE, PICTURE, corner));
  assert.equal(around(PANE, PICTURE, [0, 0, 1, 1]).zoom, MAX_ZOOM);
  assert.equal(around(PANE, PICTURE, [0, 0, 400, 200]).zoom, 1);
});
