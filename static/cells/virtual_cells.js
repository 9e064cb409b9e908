// The cells of a page. Of two thousand only those near the screen are in the page: each group is laid out in chunks that
// keep their height while they are empty. A tile is made when it is first needed, and keeps its state afterwards.

const CHUNK = 16; // cells: made in one go, so that no frame waits for long
const NEAR = "1200px 0px"; // around the screen
const ROW_GAP = 6; // CSS pixels
const WORDS = 48; // CSS pixels under a crop, about
const SVG = "http://www.w3.org/2000/svg";

/** Return how high a chunk of so many cells is, about: for as long as nobody has measured it. */
export function heightOf(count, width, crop) {
  const across = Math.max(1, Math.floor((width + ROW_GAP) / (crop + 8 + ROW_GAP)));
  return Math.ceil(count / across) * (crop + WORDS + ROW_GAP);
}

/** Return a list in parts of at most so many. */
export function inParts(list, most = CHUNK) {
  return Array.from({ length: Math.ceil(list.length / most) }, (_, place) => list.slice(place * most, (place + 1) * most));
}

export class VirtualCells {
  constructor(crop) {
    this.crop = crop; // how large a crop is now
    this.cells = new Map(); // by name, in the order of the page: { name, group, node, data }
    this.observer = null;
  }

  get names() {
    return [...this.cells.keys()];
  }

  get nodes() {
    return [...this.cells.values()].map((cell) => cell.node).filter(Boolean);
  }

  namesOfGroup(name) {
    const { group } = this.cells.get(name);
    return this.names.filter((other) => this.cells.get(other).group === group);
  }

  /** Take the tiles over that the server has drawn. */
  adopt(container) {
    this.cells.clear();
    for (const node of container.querySelectorAll(".cell")) {
      this.cells.set(node.dataset.cell, { name: node.dataset.cell, group: node.closest(".cell-group"), node });
    }
  }

  /** Draw all groups anew from the server's list, in place of what is in the container. */
  load(container, { groups, sheets, tile, words }) {
    if (this.observer) this.observer.disconnect();
    this.cells.clear();
    this.shared = { sheets, tile, words, draggable: container.dataset.draggable === "true" };
    this.observer = new IntersectionObserver((entries) => entries.forEach((entry) => this.turn(entry)), { rootMargin: NEAR });
    container.replaceChildren(...groups.map((group, place) => this.section(group, place)));
    for (const list of container.querySelectorAll(".cell-list")) {
      list.style.minHeight = `${heightOf(list.names.length, list.clientWidth, this.crop())}px`;
      this.observer.observe(list);
    }
  }

  section({ code, name, choice, note, cells }, place) {
    const section = Object.assign(document.createElement("section"), { className: "cell-group" });
    section.dataset.group = code;
    if (choice && this.shared.draggable) section.dataset.drop = choice;
    const head = Object.assign(document.createElement("h2"), { className: "cell-group-head", id: `group-${place + 1}` });
    section.setAttribute("aria-labelledby", head.id);
    const count = Object.assign(document.createElement("span"), { className: "number", textContent: cells.length });
    count.dataset.count = "";
    const share = Object.assign(document.createElement("span"), { className: "muted cell-group-share", textContent: note });
    head.append(`${name} `, count, " ", share);
    section.append(head);
    for (const part of inParts(cells)) {
      const list = Object.assign(document.createElement("ul"), { className: "cell-list" });
      list.names = part.map((data) => data[0]);
      for (const data of part) this.cells.set(data[0], { name: data[0], group: section, list, data, node: null });
      section.append(list);
    }
    return section;
  }

  turn({ target, isIntersecting }) {
    if (isIntersecting) this.fill(target);
    else if (target.childElementCount && !target.contains(document.activeElement)) {
      target.style.minHeight = `${target.offsetHeight}px`;
      target.replaceChildren();
    }
  }

  fill(list) {
    if (list.childElementCount) return;
    list.append(...list.names.map((name) => this.node(name)));
    list.style.minHeight = "";
  }

  /** Return the tile of a cell, made now where it was never needed; undefined where there is no such cell. */
  node(name) {
    const cell = this.cells.get(name);
    if (cell && !cell.node) cell.node = made(cell.data, this.shared);
    return cell && cell.node;
  }

  /** Return the tile of a cell, in the page. */
  inPage(name) {
    const cell = this.cells.get(name);
    if (cell && cell.list) this.fill(cell.list);
    return this.node(name);
  }
}

function made([name, key, label, sheet, x, y, address, number, person, suggested, words, outcome, excluded], shared) {
  const tile = Object.assign(document.createElement("li"), { className: "cell", draggable: shared.draggable });
  Object.assign(tile.dataset, { cell: name, part: address });
  if (suggested) tile.dataset.suggested = suggested;
  tile.classList.toggle("cell-excluded", Boolean(excluded));
  tile.classList.toggle("cell-named", Boolean(person));
  const box = Object.assign(document.createElement("input"), { type: "checkbox", name: "cell", value: key, disabled: !shared.draggable });
  box.setAttribute("aria-label", label);
  const crop = document.createElementNS(SVG, "svg");
  crop.setAttribute("class", "crop");
  crop.setAttribute("viewBox", `${x} ${y} ${shared.tile} ${shared.tile}`);
  crop.setAttribute("aria-hidden", "true");
  const image = document.createElementNS(SVG, "image");
  const [href, width, height] = shared.sheets[sheet];
  for (const [attribute, value] of Object.entries({ href, width, height })) image.setAttribute(attribute, value);
  crop.append(image);
  const inside = document.createElement("label");
  inside.append(box, crop);
  if (person) inside.append(Object.assign(document.createElement("span"), { className: "cell-person", textContent: person }));
  if (words) {
    inside.append(Object.assign(document.createElement("span"), { className: `cell-suggested cell-${outcome}`, textContent: words }));
  }
  const link = Object.assign(document.createElement("a"), { className: "cell-number", href: address, textContent: number });
  link.setAttribute("aria-label", shared.words.replace("{name}", number));
  tile.append(inside, link);
  return tile;
}
