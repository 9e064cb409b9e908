import assert from "node:assert/strict";
import { test } from "node:test";

import { following, mayRepeat, modified, placeOf } from "../../static/shortcuts.js";

const REVIEW = ["1", "2", "3", "u", "n", "o", "m", "ArrowLeft", "ArrowRight"];

test("a key chooses what names it", () => {
  assert.equal(placeOf("1", REVIEW, false), 0);
  assert.equal(placeOf("n", REVIEW, false), 4);
  assert.equal(placeOf("ArrowRight", REVIEW, false), 8);
});

test("a key that nothing names chooses nothing, and neither does an upper-case one", () => {
  assert.equal(placeOf("9", REVIEW, false), -1);
  assert.equal(placeOf("N", REVIEW, false), -1);
});

test("on a picture the arrows move it and turn no page; other keys work as everywhere", () => {
  assert.equal(placeOf("ArrowRight", REVIEW, true), -1);
  assert.equal(placeOf("2", REVIEW, true), 1);
});

test("a key with Ctrl, Alt or Meta is the browser's; Shift is part of what is typed", () => {
  const pressed = { ctrlKey: false, metaKey: false, altKey: false, shiftKey: true, getModifierState: () => false };
  assert.equal(modified(pressed), false);
  for (const name of ["ctrlKey", "metaKey", "altKey"]) assert.equal(modified({ ...pressed, [name]: true }), true);
});

test("AltGr types a character, also where Windows reports it as Ctrl with Alt", () => {
  const pressed = { ctrlKey: true, metaKey: false, altKey: true, getModifierState: (name) => name === "AltGraph" };
  assert.equal(modified(pressed), false);
  assert.equal(modified({ ...pressed, getModifierState: () => false }), true);
});

test("a key that is held leads on by links and presses no button twice", () => {
  const element = (tag) => ({ matches: (selector) => selector.split(", ").includes(tag) });
  assert.equal(mayRepeat(element("a")), true);
  for (const tag of ["button", "summary", "textarea"]) assert.equal(mayRepeat(element(tag)), false);
});

test("what is next starts again at the end", () => {
  const views = ["original", "median", "mask", "map"];
  assert.equal(following(views, "original"), "median");
  assert.equal(following(views, "map"), "original");
});

test("the first is next where the present one is not in the list", () => {
  assert.equal(following(["original", "mask"], "model"), "original");
  assert.equal(following(["original", "mask"], undefined), "original");
});
