// The keys of the cells page that are no button's: arrows, a, Escape and undoing. Those of the buttons: ../keys.js.
import { modified } from "../shortcuts.js";
import { neighbour } from "./order.js";

/** Listen for keys; `undo` returns whether there was something to undo. */
export function listenForKeys(page, tiles, selection, undo) {
  document.addEventListener("keydown", (event) => {
    if (document.querySelector("dialog[open]")) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "z") {
      if (undo()) event.preventDefault();
      return;
    }
    if (modified(event)) return;
    if (event.key === "Escape") {
      if (!closeReasons(page, selection)) selection.clear();
      return;
    }
    const tile = document.activeElement && document.activeElement.closest(".cell");
    if (!tile) return;
    if (event.key.startsWith("Arrow")) {
      const next = toASide(tiles, tile, event.key);
      if (!next) return;
      event.preventDefault();
      if (event.shiftKey) selection.tick([tile.dataset.cell, next]);
      selection.focusOn(next);
    } else if (event.key === "a") {
      event.preventDefault();
      selection.tick(tiles.namesOfGroup(tile.dataset.cell));
    }
  });
  // The first reason takes the focus at once when the list opens, so that x, Tab and Enter do, however quickly.
  page.addEventListener("click", (event) => {
    const summary = event.target.closest(".exclude summary");
    if (!summary) return;
    event.preventDefault();
    const list = summary.parentElement;
    list.open = !list.open;
    if (list.open) list.querySelector("button").focus();
  });
}

function closeReasons(page, selection) {
  const open = page.querySelector(".exclude[open]");
  if (!open) return false;
  open.open = false;
  selection.focusAgain();
  return true;
}

// The name of the nearest cell to a side; up and down among those that are in the page.
function toASide(tiles, tile, key) {
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const names = tiles.names;
    return names[names.indexOf(tile.dataset.cell) + (key === "ArrowLeft" ? -1 : 1)];
  }
  const there = tiles.nodes.filter((node) => node.isConnected);
  const next = there[neighbour(there.map((node) => node.getBoundingClientRect()), there.indexOf(tile), key)];
  return next && next.dataset.cell;
}
