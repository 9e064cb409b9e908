// Which cells are meant: those that are ticked, else the one that has the focus, or had it before a button took it.
import { between } from "./order.js";
import { boxOf } from "./tile.js";

export class Selection {
  /** `tiles`: all cells of the page, of which only those near the window are in it. */
  constructor(page, tiles) {
    Object.assign(this, { page, tiles, lastFocus: null, lastTicked: null });
    page.addEventListener("change", () => this.count());
    page.addEventListener("focusin", (event) => {
      this.lastFocus = event.target.closest(".cell") || this.lastFocus;
    });
    page.addEventListener("click", (event) => {
      const box = event.target.closest(".cell input");
      if (box) this.tickedByHand(box, event.shiftKey);
    });
  }

  tickedByHand(box, toTheLast) {
    const name = box.closest(".cell").dataset.cell;
    if (toTheLast && this.lastTicked) this.tick(between(this.tiles.names, this.lastTicked, name), box.checked);
    this.lastTicked = name;
  }

  /** The cells that are ticked. */
  get chosen() {
    return this.tiles.nodes.filter((tile) => boxOf(tile).checked);
  }

  /** The cells that a key or button is about. */
  get meant() {
    const { chosen, lastFocus } = this;
    if (chosen.length) return chosen;
    return lastFocus && this.tiles.node(lastFocus.dataset.cell) === lastFocus ? [lastFocus] : [];
  }

  /** Tick cells by name, or take the ticks away; names that are no longer there are passed over. */
  tick(names, checked = true) {
    for (const name of names) {
      const tile = this.tiles.node(name);
      if (tile) boxOf(tile).checked = checked;
    }
    this.count();
  }

  clear() {
    this.tick(this.chosen.map((tile) => tile.dataset.cell), false);
  }

  /** Give the focus to a cell, which is brought into the page. */
  focusOn(name) {
    const tile = this.tiles.inPage(name);
    if (tile) boxOf(tile).focus();
  }

  /** Give the focus back to the cell that had it last, where it still is in the page. */
  focusAgain() {
    if (this.lastFocus && this.lastFocus.isConnected) boxOf(this.lastFocus).focus();
  }

  /** Tell how many are ticked. */
  count() {
    const count = this.chosen.length;
    this.page.toggleAttribute("data-selected", count > 0);
    const output = document.getElementById("selected");
    if (output) output.value = count;
  }
}
