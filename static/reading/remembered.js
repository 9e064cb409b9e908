// How somebody looks at images stays from one to the next, in this tab: which view, the boxes, and where it is enlarged.
import { MAX_ZOOM, WHOLE } from "./zoom.js";

const NAME = "reading";
const isShare = (value) => Number.isFinite(value) && value >= 0 && value <= 1;

/** Return the place that was written down, or the whole picture where that is none. */
export function placeOf(value) {
  const { zoom, x, y } = value || {};
  return Number.isFinite(zoom) && zoom >= 1 && zoom <= MAX_ZOOM && isShare(x) && isShare(y) ? { zoom, x, y } : WHOLE;
}

/** Return the view to begin with: what the address asks for, else the last one where this image has it, else the first. */
export function viewToBegin(wished, views, asked) {
  return !asked && views.includes(wished) ? wished : undefined;
}

/** Return what is remembered; nothing where the browser keeps nothing, as private windows may. */
export function recall(storage) {
  try {
    const found = JSON.parse(storage.getItem(NAME));
    return found && typeof found === "object" ? found : {};
  } catch {
    return {};
  }
}

/** Remember some of it beside the rest. */
export function remember(storage, change) {
  try {
    storage.setItem(NAME, JSON.stringify({ ...recall(storage), ...change }));
  } catch { /* for this page only */ }
}
