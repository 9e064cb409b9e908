import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { askEach, toAsk } from "../../../static/cases/opinions.js";

const done = (id) => ({ state: "done", answer: { id } });
const NOBODY = new Set();

test("other models are asked once nothing is on its way, and again only for new images", () => {
  for (const state of ["waiting", "sending", "removing"]) assert.deepEqual(toAsk([done("a"), { state }], NOBODY), []);
  assert.deepEqual(toAsk([{ state: "failed" }], NOBODY), []);
  assert.deepEqual(toAsk([done("a"), { state: "failed" }, done("b")], NOBODY), ["a", "b"]);
  assert.deepEqual(toAsk([done("a"), done("b")], new Set(["a", "b"])), []);
});

test("other models read an image that came in the place of one that was removed", () => {
  assert.deepEqual(toAsk([done("b"), done("c")], new Set(["a", "b"])), ["c"]);
});

const { fetch } = globalThis;
afterEach(() => { globalThis.fetch = fetch; });

test("each model that was ticked is asked, and each that cannot read is told of", async () => {
  const sent = [];
  globalThis.fetch = async (address, { body, headers, keepalive }) => {
    const name = body.get("bundle");
    sent.push([address, name, headers["X-CSRFToken"], keepalive]);
    if (name === "gone") throw new TypeError("no server");
    if (name === "broken") return { ok: false, json: async () => ({ error: "It is damaged." }) };
    return { ok: name !== "proxied", json: async () => { throw new SyntaxError("a page"); } };
  };
  const told = [];
  await askEach(["good", "broken", "gone", "proxied"], "/cases/1/readings", "t", (...words) => told.push(words));
  assert.deepEqual(sent[0], ["/cases/1/readings", "good", "t", true]);
  assert.deepEqual(told.sort(), [["broken", "It is damaged."], ["gone", undefined], ["proxied", undefined]]);
});
