// One cell on the page: its picture is a check box's label, with a person's words under it.

const BETWEEN = ", "; // the parts of what a box is called for who does not see it: name, a person's words, what is suggested

/** Return the check box of a cell, whose value is its key. */
export const boxOf = (tile) => tile.querySelector("input");

const personOf = (tile) => tile.querySelector(".cell-person");

/** Draw a cell with a person's words for it, "" for none, and with the key of the version that has them. */
export function draw(tile, words, excluded, key) {
  const box = boxOf(tile);
  let person = personOf(tile);
  box.value = key;
  box.setAttribute("aria-label", labelAfter(box.getAttribute("aria-label"), person ? person.textContent : "", words));
  tile.classList.toggle("cell-named", Boolean(words));
  tile.classList.toggle("cell-excluded", excluded);
  if (!words) { if (person) person.remove(); return; }
  if (!person) {
    person = Object.assign(document.createElement("span"), { className: "cell-person" });
    tile.querySelector(".crop").after(person);
  }
  person.textContent = words;
}

/** Return how a cell looks and in which version, for undoing what is about to change it. */
export function looks(tile) {
  return {
    name: tile.dataset.cell,
    version: boxOf(tile).value.split(".")[2],
    words: personOf(tile)?.textContent || "",
    excluded: tile.classList.contains("cell-excluded"),
  };
}

/** Return the label of a cell's box after a person's words took the place of others; "" for none, before or after. */
export function labelAfter(label, before, words) {
  const place = label.indexOf(BETWEEN);
  const [name, rest] = place < 0 ? [label, ""] : [label.slice(0, place), label.slice(place)];
  const spoken = (text) => (text ? BETWEEN + text : "");
  const others = rest.startsWith(spoken(before)) ? rest.slice(spoken(before).length) : rest;
  return name + spoken(words) + others;
}
