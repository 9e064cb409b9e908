// What a cell's box is called for who does not see it: its name, what a person says of it, what is suggested.

const BETWEEN = ", ";

/** Return the label of a cell after a person's words for it took the place of others; "" for none, before or after. */
export function labelAfter(label, before, words) {
  const place = label.indexOf(BETWEEN);
  const [name, rest] = place < 0 ? [label, ""] : [label.slice(0, place), label.slice(place)];
  const spoken = (text) => (text ? BETWEEN + text : "");
  const others = rest.startsWith(spoken(before)) ? rest.slice(spoken(before).length) : rest;
  return name + spoken(words) + others;
}
