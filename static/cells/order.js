// Which cell is meant next: after some were named, and by the arrow keys.

/** Return the cell that gets the focus after some were named: the next that is not one of them, else one before. */
export function afterNaming(names, named) {
  const last = names.indexOf(named[named.length - 1]);
  const others = [...names.slice(last + 1), ...names.slice(0, last).reverse()];
  return others.find((name) => !named.includes(name)) || names[last];
}

/** Return the place of the next cell to a side, -1 where there is none; up and down lead to the nearest of another row.
 *
 * A box is { left, top, height }, in the order of the page.
 */
export function neighbour(boxes, place, key) {
  if (key === "ArrowLeft") return place - 1;
  if (key === "ArrowRight") return place + 1 < boxes.length ? place + 1 : -1;
  const from = boxes[place];
  const sign = key === "ArrowDown" ? 1 : -1;
  let best = -1;
  let least = Infinity;
  boxes.forEach((to, other) => {
    const rows = sign * (to.top - from.top);
    const away = rows * 4 + Math.abs(to.left - from.left);
    if (rows < from.height / 2 || away >= least) return;
    least = away;
    best = other;
  });
  return best;
}

/** Return everything of a list from one of its members to another, both with it, whichever comes first. */
export function between(list, one, other) {
  const [start, end] = [list.indexOf(one), list.indexOf(other)].sort((a, b) => a - b);
  return start < 0 ? [other] : list.slice(start, end + 1);
}
