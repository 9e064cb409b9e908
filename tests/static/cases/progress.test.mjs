import assert from "node:assert/strict";
import { test } from "node:test";

import { finished, mayLoadAgain, words } from "../../../static/cases/progress.js";

const TEMPLATE = "{done} of {total} images";

test("a running job tells how far it is", () => {
  assert.equal(words({ state: "running", done: 3, total: 12 }, TEMPLATE), "3 of 12 images");
  assert.equal(words({ state: "running", done: 0, total: 1 }, TEMPLATE), "0 of 1 images");
});

test("a job that counts nothing tells what it does", () => {
  assert.equal(words({ state: "running", done: 0, total: 0, text: "last layer" }, "{text}"), "last layer");
});

test("before and after that its words are the page's", () => {
  for (const state of ["queued", "done", "failed", "cancelled"]) {
    assert.equal(words({ state, done: 1, total: 1 }, TEMPLATE), "");
  }
});

test("a job is finished when it is done, failed or stopped", () => {
  assert.equal(finished({ state: "queued" }), false);
  assert.equal(finished({ state: "running" }), false);
  for (const state of ["done", "failed", "cancelled"]) assert.equal(finished({ state }), true);
});

test("a page on which nothing was typed or chosen may be loaded again", () => {
  const untouched = (fields) => mayLoadAgain(fields, false, undefined);
  const comment = { type: "textarea", value: "", defaultValue: "" };
  const told = { type: "text", value: "", defaultValue: "" };
  const cell = { type: "checkbox", value: "1", defaultValue: "1", checked: false, defaultChecked: false };
  assert.equal(untouched([]), true);
  assert.equal(untouched([comment, cell]), true);
  assert.equal(untouched([{ ...comment, value: "hairy cells" }]), false);
  assert.equal(untouched([comment, { ...cell, checked: true }]), false);
  assert.equal(untouched([comment, { ...told, value: "Dr. Weber" }]), false);
});

test("a list in which another line was chosen is not lost", () => {
  const list = (selectedIndex, ...marked) => (
    { type: "select-one", selectedIndex, options: marked.map((defaultSelected) => ({ defaultSelected })) });
  assert.equal(mayLoadAgain([list(0, false, false), list(1, false, true), list(-1)], false, undefined), true);
  assert.equal(mayLoadAgain([list(1, false, false)], false, undefined), false);
  assert.equal(mayLoadAgain([list(0, false, true)], false, undefined), false);
});

test("a page with a file that waits, and one that answers a form, are not loaded again by themselves", () => {
  assert.equal(mayLoadAgain([], false, undefined), true);
  assert.equal(mayLoadAgain([], true, undefined), false);
  assert.equal(mayLoadAgain([], false, "/cases/1"), false);
});
