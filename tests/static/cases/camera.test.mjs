import assert from "node:assert/strict";
import { test } from "node:test";

import { deviceName, problemOf } from "../../../static/cases/camera.js";

test("each reason why a camera does not start has its sentence, and an unknown one the general", () => {
  assert.equal(problemOf("NotAllowedError"), "refused");
  assert.equal(problemOf("NotFoundError"), "none");
  assert.equal(problemOf("OverconstrainedError"), "none");
  assert.equal(problemOf("NotReadableError"), "busy");
  assert.equal(problemOf("AbortError"), "failed");
});

test("a camera without a name is called by its number", () => {
  assert.equal(deviceName("Axiocam", 0, "camera"), "Axiocam");
  assert.equal(deviceName("", 1, "camera"), "camera 2");
});
