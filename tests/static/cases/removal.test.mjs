import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { takeOut } from "../../../static/cases/removal.js";

const { fetch } = globalThis;
afterEach(() => { globalThis.fetch = fetch; });

function answering(answer) {
  const sent = [];
  globalThis.fetch = async (address, { method, headers }) => {
    sent.push([address, method, headers.Accept, headers["X-CSRFToken"]]);
    if (!answer) throw new TypeError("no server");
    return { redirected: false, json: async () => { throw new SyntaxError("a page"); }, ...answer };
  };
  return sent;
}

const remove = () => takeOut("/images/1/remove", "t", "No answer came.");

test("an image that was removed, by whomever, is out of the case", async () => {
  const sent = answering({ ok: true, status: 200 });
  assert.equal(await remove(), "");
  assert.deepEqual(sent, [["/images/1/remove", "POST", "application/json", "t"]]);
  answering({ ok: false, status: 404 });
  assert.equal(await remove(), "");
});

test("a removal that was refused is told with the server's reason", async () => {
  answering({ ok: false, status: 409, json: async () => ({ error: "It was reviewed, and stays." }) });
  assert.equal(await remove(), "It was reviewed, and stays.");
});

test("without an answer it is not known, and who was led elsewhere has removed nothing", async () => {
  for (const answer of [null, { ok: false, status: 502 }, { ok: true, status: 200, redirected: true }]) {
    answering(answer);
    assert.equal(await remove(), "No answer came.");
  }
});
