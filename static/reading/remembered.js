// How somebody looks at images stays from one to the next, in this tab: which view and class, the boxes, how strong the
// colours are, and where it is enlarged.
import { MAX_ZOOM, WHOLE } from "./zoom.js";

const NAME = "reading";
const isShare = (value) => Number.isFinite(value) && value >= 0 && value <= 1;

/** Return the place that was written down, or the whole picture where that is none. */
export function placeOf(value) {
  const { zoom, x, y } = value || {};
  return Number.isFinite(zoom) && zoom >= 1 && zoom <= MAX_ZOOM && isShare(x) && isShare(y) ? { zoom, x, y } : WHOLE;
}

/** Return the opacity that was written down, as a share of 1, or another where that is none. */
export function opacityOf(value, otherwise) {
  return isShare(value) ? value : otherwise;
}

/** Return the view or the class to begin with: the first wish that this image has, or `otherwise` where it has none.
 *
 * The wishes in their order: what was chosen on this page before it was loaded again, what the address asks for, and what
 * was chosen last on another image.
 */
export function toBegin(offered, wishes, otherwise) {
  return wishes.find((wish) => offered.includes(wish)) ?? otherwise;
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
