// Keys of a page: elements name theirs in data-key; ? shows the list.
import { mayRepeat, modified, placeOf } from "./shortcuts.js";

const TYPED_INTO = "input:not([type=checkbox]):not([type=radio]), textarea, select";

document.addEventListener("keydown", (event) => {
  if (modified(event) || event.target.closest(TYPED_INTO)) return;
  const dialog = document.getElementById("keys");
  if (event.key === "?" && dialog) {
    event.preventDefault();
    if (event.repeat) return;
    if (dialog.open) dialog.close(); else dialog.showModal();
    return;
  }
  if (dialog && dialog.open) return;
  const elements = [...document.querySelectorAll("[data-key]")];
  const keys = elements.map((element) => element.dataset.key);
  const target = elements[placeOf(event.key, keys, Boolean(event.target.closest("[role=img]")))];
  if (!target) return;
  event.preventDefault();
  if (event.repeat && !mayRepeat(target)) return;
  if (target.matches("input, textarea")) target.focus(); else target.click();
});
