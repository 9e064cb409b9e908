// The keys of the reading page, where nobody types.
import { modified } from "../shortcuts.js";

export function listenForKeys(keys, otherwise) {
  // keys: what each does; otherwise: is given any other key, and returns whether it did something.
  document.addEventListener("keydown", (event) => {
    if (modified(event) || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input[type=text], textarea, select")) return;
    if (keys[event.key]) keys[event.key]();
    else if (!otherwise(event.key)) return;
    event.preventDefault();
  });
}
