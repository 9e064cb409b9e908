import assert from "node:assert/strict";
import { test } from "node:test";

import { briefly, clockOf, dayOf, inFull } from "../../static/clock.js";

const LATE = new Date("2026-11-28T23:30:00+00:00");
const YESTERDAY = "yesterday {clock}";

test("a time has the day and the clock of the reader's zone, and says which that is", () => {
  assert.equal(inFull(LATE, "UTC"), "2026-11-28 23:30 UTC");
  assert.equal(dayOf(LATE, "Asia/Tehran"), "2026-11-29");
  assert.equal(clockOf(LATE, "Asia/Tehran"), "03:00 GMT+3:30");
  assert.equal(inFull(LATE, "Europe/Berlin"), "2026-11-29 00:30 CET");
});

test("what is today in one zone was yesterday in another", () => {
  const now = new Date("2026-11-29T08:00:00Z");
  assert.equal(briefly(LATE, now, "Europe/Berlin", YESTERDAY), "00:30 CET");
  assert.equal(briefly(LATE, now, "UTC", YESTERDAY), "yesterday 23:30 UTC");
  assert.equal(briefly(new Date("2026-11-20T12:00:00Z"), now, "UTC", YESTERDAY), "2026-11-20");
});
