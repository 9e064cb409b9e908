import assert from "node:assert/strict";
import { test } from "node:test";

import { briefly, clockOf, dayBefore, dayOf, inFull } from "../../static/clock.js";

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

test("yesterday is the day before by the calendar, also after a day of 23 or 25 hours", () => {
  const inBerlin = (time, now) => briefly(new Date(time), new Date(now), "Europe/Berlin", YESTERDAY);
  assert.equal(inBerlin("2026-03-28T10:00:00Z", "2026-03-29T22:30:00Z"), "2026-03-28"); // Saturday, read on Monday
  assert.equal(inBerlin("2026-03-29T10:00:00Z", "2026-03-29T22:30:00Z"), "yesterday 12:00 CEST");
  assert.equal(inBerlin("2026-10-24T10:00:00Z", "2026-10-25T22:30:00Z"), "yesterday 12:00 CEST");
  assert.equal(dayBefore("2026-03-01"), "2026-02-28");
  assert.equal(dayBefore("2027-01-01"), "2026-12-31");
});
