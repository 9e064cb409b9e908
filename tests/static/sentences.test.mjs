import assert from "node:assert/strict";
import { test } from "node:test";

import { withSentence } from "../../static/sentences.js";

test("a sentence stands alone in an empty field", () => {
  assert.equal(withSentence("", "Please send EDTA blood."), "Please send EDTA blood.");
});

test("a sentence stands on a line of its own after what is there", () => {
  assert.equal(withSentence("Many smudge cells. \n", "Please repeat."), "Many smudge cells.\nPlease repeat.");
});
