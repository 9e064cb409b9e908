// Nothing that was said is lost: not while a request is on its way, not without a network, not where one act is refused.
import assert from "node:assert/strict";
import test from "node:test";

import { Queue, following, nameOf, storeOf } from "../../../static/cells/queue.js";

const act = (n) => ({ choice: "label:blast", cells: [`f.${n}.0`] });

function queueWith(answers, kept = []) {
  const sent = [];
  const heard = [];
  const store = { kept, load: () => [...kept], save: (acts) => { store.kept = [...acts]; } };
  const queue = new Queue({
    send: async (acts) => { sent.push(acts.map((one) => one.cells[0])); return answers(sent.length, acts); },
    told: (answer, acts) => heard.push([answer.ok, acts.map((one) => one.cells[0])]),
    changed: () => {},
    wait: async () => {},
    store,
  });
  return { queue, sent, heard, store };
}

test("a key has the version that comes next", () => {
  assert.equal(following("abc.14.3"), "abc.14.4");
  assert.equal(nameOf("abc.14.3"), "abc.14");
});

test("what comes while one request is on its way goes together with the next, in order", async () => {
  const { queue, sent, heard, store } = queueWith(async () => ({ ok: true }));
  queue.add(act(1));
  for (const n of [2, 3, 4]) queue.add(act(n));
  assert.equal(store.kept.length, 4);
  await queue.flush();
  assert.deepEqual(sent, [["f.1.0"], ["f.2.0", "f.3.0", "f.4.0"]]);
  assert.deepEqual(heard.map(([ok]) => ok), [true, true]);
  assert.deepEqual(store.kept, []);
});

test("without a network it is tried again until it is there", async () => {
  const { queue, sent, store } = queueWith(async (tries) => (tries < 4 ? null : { ok: true }));
  await queue.add(act(1));
  assert.equal(sent.length, 4);
  assert.deepEqual(store.kept, []);
});

test("of several only the one that cannot be taken down is handed back", async () => {
  const { queue, heard } = queueWith(async (_tries, acts) => ({ ok: !acts.some((one) => one.cells[0] === "f.3.0") }));
  queue.add(act(1));
  for (const n of [2, 3, 4]) queue.add(act(n));
  await queue.flush();
  assert.deepEqual(heard, [[true, ["f.1.0"]], [true, ["f.2.0"]], [false, ["f.3.0"]], [true, ["f.4.0"]]]);
});

test("what a page left behind is sent when it is opened again", async () => {
  const { queue, sent } = queueWith(async () => ({ ok: true }), [act(7)]);
  assert.equal(queue.length, 1);
  await queue.flush();
  assert.deepEqual(sent, [["f.7.0"]]);
});

test("what would be refused each time is not sent without end, and goes with the next act", async () => {
  let allowed = false;
  const { queue, sent, heard, store } = queueWith(async () => (allowed ? { ok: true } : { stopped: true }), [act(1)]);
  await queue.flush();
  assert.deepEqual([sent.length, heard.length, store.kept.length], [1, 0, 1]);
  allowed = true;
  await queue.add(act(2));
  assert.deepEqual(sent.at(-1), ["f.1.0", "f.2.0"]);
  assert.deepEqual(store.kept, []);
});

test("what one person left unsent is none of the next one's in the same tab", () => {
  assert.notEqual(storeOf("7", "/cases/1/cells"), storeOf("8", "/cases/1/cells"));
  assert.notEqual(storeOf("7", "/cases/1/cells"), storeOf("7", "/cases/2/cells"));
});
