import assert from "node:assert/strict";
import test, { afterEach } from "node:test";

import { Reload, afterRefusal, ask } from "../../../static/cells/asking.js";

const { fetch } = globalThis;
afterEach(() => { globalThis.fetch = fetch; });

test("a part is asked for as JSON, so that a refusal brings its sentence", async () => {
  const asked = [];
  globalThis.fetch = async (address, { method, headers }) => {
    asked.push([address, method, headers.Accept, headers["X-Part"]]);
    return { status: 403, json: async () => ({ error: "Reviewing is for clinicians." }) };
  };
  assert.deepEqual(await ask("/cells", "cells"), { status: 403, answer: { error: "Reviewing is for clinicians." } });
  await ask("/cells/annotations", "changes", new FormData());
  assert.deepEqual(asked, [
    ["/cells", undefined, "application/json", "cells"],
    ["/cells/annotations", "POST", "application/json", "changes"],
  ]);
});

test("a page and no answer at all are no part", async () => {
  globalThis.fetch = async () => ({ status: 200, json: async () => { throw new SyntaxError("a page"); } });
  assert.deepEqual(await ask("/cells", "cells"), { status: 200, answer: null });
  globalThis.fetch = async () => { throw new TypeError("no server"); };
  assert.deepEqual(await ask("/cells", "cells"), { status: 0, answer: null });
});

test("whoever may not do it is told so, and the page is not loaded again", () => {
  const answer = { error: "Reviewing is for clinicians." };
  for (const status of [403, 404, 413]) assert.equal(afterRefusal(status, answer), "tell");
});

test("the page is loaded again where that may help", () => {
  assert.equal(afterRefusal(401, { error: "Sign in." }), "load");
  assert.equal(afterRefusal(400, { error: "This form was open for too long." }), "load");
  assert.equal(afterRefusal(200, null), "load");
});

test("who gets no answer, or one of a busy server, waits and asks again", () => {
  for (const status of [0, 429, 500, 502, 503]) assert.equal(afterRefusal(status, null), "wait");
});

test("a page is loaded again once, until what it asked for came", () => {
  const values = new Map();
  const storage = {
    getItem: (name) => values.get(name) || null,
    setItem: (name, value) => values.set(name, value),
    removeItem: (name) => values.delete(name),
  };
  let loads = 0;
  const page = () => new Reload(storage, "loaded /cells", () => { loads += 1; });
  assert.equal(page().again(), true);
  assert.equal(page().again(), false);
  assert.equal(loads, 1);
  page().settled();
  assert.equal(page().again(), true);
});
