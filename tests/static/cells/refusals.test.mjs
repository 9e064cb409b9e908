import assert from "node:assert/strict";
import test from "node:test";

import { Refusals } from "../../../static/cells/refusals.js";

function refusals() {
  const drawn = [];
  return { drawn, told: new Refusals((sentences, fresh) => drawn.push([sentences, fresh])) };
}

test("a refusal stands while other cells are named, until its own are", () => {
  const { drawn, told } = refusals();
  told.tell("Somebody was quicker.", ["f.1", "f.2"]);
  told.actedOn(["f.3"]);
  told.actedOn(["f.1"]);
  assert.deepEqual(drawn, [[["Somebody was quicker."], true]]);
  told.actedOn(["f.2"]);
  assert.deepEqual(drawn.at(-1), [[], false]);
});

test("one refusal does not take the place of another, and the same of other cells is told once", () => {
  const { drawn, told } = refusals();
  told.tell("Cell 1.1 is a blast.", ["f.1"]);
  told.tell("Nothing is suggested.", ["f.2"]);
  told.tell("Nothing is suggested.", ["f.3"]);
  assert.deepEqual(drawn.at(-1), [["Cell 1.1 is a blast.", "Nothing is suggested."], true]);
  told.actedOn(["f.2"]);
  told.actedOn(["f.1"]);
  assert.deepEqual(drawn.at(-1), [["Nothing is suggested."], false]);
});

test("a refusal of no cell stands until anything is done, and each can be closed", () => {
  const { drawn, told } = refusals();
  told.tell("Select the cells to merge.");
  told.actedOn(["f.9"]);
  assert.deepEqual(drawn.at(-1), [[], false]);
  told.tell("Somebody was quicker.", ["f.1"]);
  told.close();
  assert.deepEqual(drawn.at(-1), [[], false]);
});

test("the cells of all that is told can be asked for", () => {
  const { told } = refusals();
  told.tell("Somebody was quicker.", ["a.1", "a.2"]);
  told.tell("Not now.", ["a.2", "b.1"]);
  told.tell("No answer.");
  assert.deepEqual(told.names, ["a.1", "a.2", "b.1"]);
  told.actedOn(["a.2"]);
  assert.deepEqual(told.names, ["a.1", "b.1"]);
});
