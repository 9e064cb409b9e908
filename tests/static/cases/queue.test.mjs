import assert from "node:assert/strict";
import { test } from "node:test";

import {
  AT_ONCE, BUSY_TRIES, afterAnswer, mayOpen, nextToSend, notStored, rowsOf, shareSent, stateWords, summary, unsent,
} from "../../../static/cases/queue.js";

const WORDS = {
  waiting: "waits for the case", queued: "waits", sending: "sending", removing: "is being removed",
  summary: "{done} of {total} read, {failed} failed.",
};
const items = (...states) => states.map((state) => ({ state }));

test("what waits, is being sent or is being removed is unsent; what is done or failed is not", () => {
  assert.equal(unsent(items("done", "waiting")), true);
  assert.equal(unsent(items("sending")), true);
  assert.equal(unsent(items("removing", "done")), true);
  assert.equal(unsent(items("done", "failed")), false);
  assert.equal(unsent([]), false);
});

test("images are sent in order", () => {
  const queue = items("done", "sending", "waiting", "waiting");
  assert.equal(nextToSend(queue, 0), queue[2]);
});

test("only so many are sent at once", () => {
  const queue = items(...Array(AT_ONCE).fill("sending"), "waiting");
  assert.equal(nextToSend(queue, 0), undefined);
  queue[0].state = "failed";
  assert.equal(nextToSend(queue, 0), queue[AT_ONCE]);
});

test("one that a busy server sent away waits its time, and lets others go before it", () => {
  const queue = [{ state: "waiting", notBefore: 5000 }, { state: "waiting" }];
  assert.equal(nextToSend(queue, 4999), queue[1]);
  assert.equal(nextToSend(queue.slice(0, 1), 4999), undefined);
  assert.equal(nextToSend(queue, 5000), queue[0]);
});

test("a failed image is not sent again by itself, and is after Retry", () => {
  const queue = items("failed");
  assert.equal(nextToSend(queue, 0), undefined);
  queue[0].state = "waiting";
  assert.equal(nextToSend(queue, 0), queue[0]);
});

test("an image that was stored is done", () => {
  assert.deepEqual(afterAnswer(201, 0, null), { state: "done" });
});

test("a busy server is asked again when it says, or after three seconds", () => {
  assert.deepEqual(afterAnswer(503, 0, "7"), { state: "waiting", seconds: 7 });
  assert.deepEqual(afterAnswer(503, BUSY_TRIES - 1, null), { state: "waiting", seconds: 3 });
});

test("after so many tries a busy server is a failure", () => {
  assert.equal(afterAnswer(503, BUSY_TRIES, "7").state, "failed");
});

test("a file of several pictures becomes a row for each, in order; one of a single picture stays its own", () => {
  const stored = { id: "a", name: "stack.tif, page 1", outcome: "suggested" };
  const refused = { name: "stack.tif, page 2", error: "This picture is only 8 x 8 pixels." };
  assert.deepEqual(rowsOf({ images: [stored, refused] }), [
    { name: "stack.tif, page 1", state: "done", text: "", image: stored },
    { name: "stack.tif, page 2", state: "failed", text: "This picture is only 8 x 8 pixels.", image: refused },
  ]);
  assert.equal(rowsOf(stored), null);
  assert.equal(rowsOf(null), null);
});

test("being signed out has its own words; any other refusal brings the server's", () => {
  assert.deepEqual(afterAnswer(401, 0, null), { state: "failed", reason: "signedOut" });
  assert.equal(afterAnswer(422, 0, null).state, "failed");
});

test("where a proxy answers, or nobody, nothing is said to be stored or not that is not known", () => {
  assert.deepEqual(afterAnswer(413, 0, null), { state: "failed", reason: "tooLargeOnTheWay" });
  for (const status of [0, 500, 502, 504]) {
    assert.deepEqual(afterAnswer(status, 0, null), { state: "failed", reason: "unanswered" });
  }
  assert.deepEqual(afterAnswer(503, BUSY_TRIES, null), { state: "failed", reason: "unanswered" });
});

test("nothing was stored for certain where the server says so, and not where nobody answers", () => {
  const after = (status, tries, error) => notStored(afterAnswer(status, tries, null), error);
  assert.equal(after(422, 0, "This file is not an image."), true);
  assert.equal(after(401, 0, undefined), true);
  assert.equal(after(503, 0, undefined), true);
  assert.equal(after(201, 0, undefined), false);
  for (const status of [0, 502, 504]) assert.equal(after(status, 0, undefined), false);
});

test("progress is a share, and unknown where the browser does not know the length", () => {
  assert.equal(shareSent({ lengthComputable: true, loaded: 50, total: 200 }), 0.25);
  assert.equal(shareSent({ lengthComputable: true, loaded: 200, total: 200 }), 1);
  assert.equal(shareSent({ lengthComputable: false, loaded: 50, total: 0 }), null);
  assert.equal(shareSent({ lengthComputable: true, loaded: 0, total: 0 }), null);
});

test("what waits says for what", () => {
  assert.equal(stateWords("waiting", false, WORDS), "waits for the case");
  assert.equal(stateWords("waiting", true, WORDS), "waits");
  assert.equal(stateWords("sending", true, WORDS), "sending");
  assert.equal(stateWords("removing", true, WORDS), "is being removed");
  assert.equal(stateWords("done", true, WORDS), "");
});

test("the summary comes at the end and counts", () => {
  assert.equal(summary(items("done", "sending"), WORDS), "");
  assert.equal(summary([], WORDS), "");
  assert.equal(summary(items("done", "failed", "done"), WORDS), "2 of 3 read, 1 failed.");
});

test("a new case is opened when nothing is on its way, also where all failed", () => {
  assert.equal(mayOpen(items("failed"), true, true), true);
  assert.equal(mayOpen(items("failed", "sending"), true, true), false);
  assert.equal(mayOpen(items("done"), false, true), false);
});

test("a case that is there is shown again when it has something new", () => {
  assert.equal(mayOpen(items("failed"), true, false), false);
  assert.equal(mayOpen(items("failed", "done"), true, false), true);
});
