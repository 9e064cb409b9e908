import assert from "node:assert/strict";
import test from "node:test";

import { labelAfter } from "../../../static/cells/tile.js";

test("a person's words stand after the cell's name", () => {
  assert.equal(labelAfter("Cell 1.2", "", "Lymphocyte"), "Cell 1.2, Lymphocyte");
  const suggested = "Cell 1.2, suggested: Monocyte 0.91, cut by the border";
  assert.equal(labelAfter(suggested, "", "Blast"), "Cell 1.2, Blast, suggested: Monocyte 0.91, cut by the border");
});

test("they take the place of the words before, and are gone when they are taken back", () => {
  const named = "Cell 1.2, Other, a ghost, suggested: Blast 0.50";
  assert.equal(labelAfter(named, "Other, a ghost", "Blast"), "Cell 1.2, Blast, suggested: Blast 0.50");
  assert.equal(labelAfter(named, "Other, a ghost", ""), "Cell 1.2, suggested: Blast 0.50");
  assert.equal(labelAfter("Cell 1.2, Blast", "Blast", ""), "Cell 1.2");
});
