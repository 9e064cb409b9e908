// Cells dragged onto a class name it, or onto a reason exclude them.
import { boxOf } from "./tile.js";

/** Listen on the page for drags; `chosen` returns the cells that are ticked, `say` gets cells, the choice and its words. */
export function listenForDrags(page, chosen, say) {
  let dragged = [];

  const unmarkAllBut = (target) => {
    for (const old of page.querySelectorAll(".drop-here")) if (old !== target) old.classList.remove("drop-here");
  };

  page.addEventListener("dragstart", (event) => {
    const tile = event.target.closest(".cell");
    if (!tile) return;
    dragged = boxOf(tile).checked ? chosen() : [tile];
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", tile.dataset.cell);
  });
  page.addEventListener("dragover", (event) => {
    const target = event.target.closest("[data-drop]");
    const reasons = event.target.closest(".exclude");
    if (reasons && dragged.length) reasons.open = true;
    unmarkAllBut(target);
    if (!target || !dragged.length) return;
    event.preventDefault();
    target.classList.add("drop-here");
  });
  page.addEventListener("drop", (event) => {
    const target = event.target.closest("[data-drop]");
    if (!target || !dragged.length) return;
    event.preventDefault();
    const cells = dragged;
    dragged = [];
    const button = page.querySelector(`button[data-drop="${target.dataset.drop}"]`);
    const words = button ? button.querySelector("span").textContent : target.querySelector("h2").firstChild.textContent.trim();
    say(cells, target.dataset.drop, words);
  });
  page.addEventListener("dragend", () => {
    dragged = [];
    unmarkAllBut(null);
  });
}
