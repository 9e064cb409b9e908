import assert from "node:assert/strict";
import test from "node:test";

import { Selection } from "../../../static/cells/selection.js";

// As much of a page with cells as the selection asks for.
function pageWith(names) {
  const page = Object.assign(new EventTarget(), { attributes: new Set() });
  page.toggleAttribute = (name, on) => (on ? page.attributes.add(name) : page.attributes.delete(name));
  const nodes = new Map();
  for (const name of names) {
    const box = { checked: false, focus() { page.focused = name; } };
    const tile = { dataset: { cell: name }, isConnected: true, querySelector: () => box };
    box.closest = () => tile;
    nodes.set(name, tile);
  }
  const tiles = { names, node: (name) => nodes.get(name), inPage: (name) => nodes.get(name) };
  Object.defineProperty(tiles, "nodes", { get: () => [...nodes.values()] });
  globalThis.document = { getElementById: () => null };
  const happen = (type, name, more = {}) => {
    const tile = nodes.get(name);
    const event = Object.assign(new Event(type), more);
    const box = tile && tile.querySelector();
    Object.defineProperty(event, "target", { value: { closest: (selector) => (selector === ".cell" ? tile : box) || null } });
    page.dispatchEvent(event);
  };
  return { page, nodes, tiles, happen, selection: new Selection(page, tiles) };
}

const namesOf = (tiles) => tiles.map((tile) => tile.dataset.cell);

test("what is ticked is meant, else the cell that had the focus before a button took it", () => {
  const { happen, selection } = pageWith(["1.1", "1.2", "1.3"]);
  assert.deepEqual(selection.meant, []);
  happen("focusin", "1.2");
  happen("focusin", ""); // a button's
  assert.deepEqual(namesOf(selection.meant), ["1.2"]);
  selection.tick(["1.3", "9.9"]);
  assert.deepEqual(namesOf(selection.meant), ["1.3"]);
});

test("a cell that is drawn anew is another one, and no key is meant for what was there before", () => {
  const { happen, nodes, selection } = pageWith(["1.1"]);
  happen("focusin", "1.1");
  nodes.set("1.1", { ...nodes.get("1.1") });
  assert.deepEqual(selection.meant, []);
});

test("with Shift all between the last two are as the box that was pressed", () => {
  const { happen, nodes, selection } = pageWith(["1.1", "1.2", "1.3", "1.4"]);
  happen("click", "1.1", { shiftKey: true });
  nodes.get("1.3").querySelector().checked = true;
  happen("click", "1.3", { shiftKey: true });
  assert.deepEqual(namesOf(selection.chosen), ["1.1", "1.2", "1.3"]);
  nodes.get("1.2").querySelector().checked = false;
  happen("click", "1.2", { shiftKey: true });
  assert.deepEqual(namesOf(selection.chosen), ["1.1"]);
});

test("the page is told whether anything is ticked, and clearing takes every tick away", () => {
  const { page, selection } = pageWith(["1.1", "1.2"]);
  selection.tick(["1.1", "1.2"]);
  assert.ok(page.attributes.has("data-selected"));
  selection.clear();
  assert.deepEqual(selection.chosen, []);
  assert.ok(!page.attributes.has("data-selected"));
});
