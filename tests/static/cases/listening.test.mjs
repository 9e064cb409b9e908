import assert from "node:assert/strict";
import { test } from "node:test";

import { listenTo, pause } from "../../../static/cases/listening.js";

function listening(heard) {
  const sources = [];
  const pauses = [];
  class Source {
    static CLOSED = 2;
    constructor(address) { Object.assign(this, { address, readyState: 1, listeners: {} }); sources.push(this); }
    addEventListener(name, listener) { this.listeners[name] = listener; }
    close() { this.readyState = Source.CLOSED; }
    tell(progress) { this.listeners.message({ data: JSON.stringify(progress) }); }
    fail(readyState) { this.readyState = readyState; this.listeners.error(); }
  }
  listenTo("/jobs/1/events", heard, { Source, later: (listen, ms) => { pauses.push(ms); listen(); } });
  return { sources, pauses };
}

test("who was refused listens again, each time after a longer pause, until there is an answer", () => {
  const heard = [];
  const { sources, pauses } = listening((progress) => { heard.push(progress.done); });
  for (let tries = 0; tries < 3; tries += 1) sources.at(-1).fail(2);
  assert.deepEqual(pauses, [2000, 4000, 8000]);
  sources.at(-1).tell({ done: 4 });
  sources.at(-1).fail(2);
  assert.deepEqual(heard, [4]);
  assert.equal(pauses.at(-1), 2000);
  assert.ok(sources.every((source) => source.address === "/jobs/1/events"));
});

test("a connection that only broke comes back by itself", () => {
  const { sources } = listening(() => false);
  sources[0].fail(0);
  assert.equal(sources.length, 1);
});

test("nobody listens to a job that is finished", () => {
  const { sources } = listening((progress) => progress.state === "done");
  sources[0].tell({ state: "running" });
  assert.equal(sources[0].readyState, 1);
  sources[0].tell({ state: "done" });
  assert.equal(sources[0].readyState, 2);
});

test("nobody waits for longer than a minute", () => {
  assert.equal(pause(40), 60000);
});
