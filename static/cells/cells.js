// The cells page: keys, dragging, undoing and the panel beside it. A key changes its cell at once and moves on; what was
// said goes to the server behind it, in order, and the counts come back as they stand there.
import { modified } from "../shortcuts.js";
import { Reload, afterRefusal, ask } from "./asking.js";
import { labelAfter } from "./label.js";
import { drawNotice } from "./notice.js";
import { afterNaming, between, neighbour } from "./order.js";
import { Queue, following, nameOf, storeOf } from "./queue.js";
import { Refusals } from "./refusals.js";
import { VirtualCells } from "./virtual_cells.js";

const byId = (id) => document.getElementById(id);
const root = byId("cells");
const page = byId("cell-groups");
const beside = byId("beside");
const REST_MS = 160; // on a cell, before what stands beside the cells is asked for
const RETRY_MS = 1500;
const STORE = storeOf(root.dataset.person, root.dataset.address);
const SIZE = "cells.crop";
const parts = new Map(); // what stands beside the cells, by address, until an annotation changes it
const undoable = []; // what was done on this page: cells with the versions to go back to, and how they looked
let wanted = "";
let timer = 0;
let dragged = [];
let lastFocus = null; // a key goes to a button, which takes the focus away: the cell that had it is still meant
let lastTicked = null;

const size = byId("crop");
const tiles = new VirtualCells(() => Number(size.value));
const boxOf = (tile) => tile.querySelector("input");
const tileOf = (name) => tiles.node(name);
const chosen = () => tiles.nodes.filter((tile) => boxOf(tile).checked);
const groups = () => byId("groups");
const focused = () => document.activeElement && document.activeElement.closest(".cell");
const meant = () => {
  const selected = chosen();
  return selected.length ? selected : lastFocus && tileOf(lastFocus.dataset.cell) === lastFocus ? [lastFocus] : [];
};

const reload = new Reload(sessionStorage, `loaded ${root.dataset.address}`, () => location.reload());
const refusals = new Refusals(drawProblem);
const queue = new Queue({
  send,
  told,
  changed: tellSaving,
  wait: () => new Promise((done) => { setTimeout(done, RETRY_MS); }),
  store: {
    load: () => JSON.parse(sessionStorage.getItem(STORE) || "[]"),
    save: (acts) => (acts.length ? sessionStorage.setItem(STORE, JSON.stringify(acts)) : sessionStorage.removeItem(STORE)),
  },
});

function tellSaving({ length, offline }) {
  const place = byId("saving");
  if (place) place.textContent = length ? root.dataset.unsaved.replace("{n}", length) + (offline ? ` ${root.dataset.offline}` : "") : "";
  if (length) page.setAttribute("aria-busy", "true"); else page.removeAttribute("aria-busy");
}

async function send(acts) {
  const data = new FormData(byId("annotations"));
  data.delete("cell");
  data.set("acts", JSON.stringify(acts));
  const { status, answer } = await ask(byId("annotations").action, "changes", data);
  if (answer && answer.cells) {
    reload.settled();
    return { ok: status === 200, ...answer };
  }
  if (afterRefusal(status, answer) === "wait") return null;
  withoutPart(status, answer); // what waits is kept, and sent when the page is back
  return { stopped: true };
}

function withoutPart(status, answer) {
  // Say why a part of the page did not come, or load the page again where that helps.
  if (afterRefusal(status, answer) === "load" && reload.again()) return;
  refusals.tell(answer && answer.error || root.dataset.unanswered);
}

function told(answer, acts, waiting) {
  const later = new Set(waiting.flatMap((act) => act.cells.map(nameOf)));
  for (const [name, cell] of Object.entries(answer.cells)) {
    const tile = tileOf(name);
    if (tile && !later.has(name)) draw(tile, cell.words, cell.excluded, cell.key);
  }
  parts.clear();
  for (const part of ["count", "history", "progress"]) byId(part).innerHTML = answer[part];
  if (answer.ok) return;
  // They are not ticked again: the person is at another cell by now, and the next key is meant for that one.
  refusals.tell(answer.problem, acts[0].cells.map(nameOf));
  undoable.splice(0);
}

function drawProblem(sentences, fresh) {
  const close = [root.dataset.close, () => {
    refusals.close();
    if (lastFocus && lastFocus.isConnected) boxOf(lastFocus).focus();
  }];
  const again = [root.dataset.again, () => {
    for (const tile of refusals.names.map(tileOf).filter(Boolean)) boxOf(tile).checked = true;
    countSelected();
  }];
  const notice = drawNotice(page, sentences, refusals.names.length ? [again, close] : [close]);
  if (fresh) notice.scrollIntoView({ block: "center" });
}

function draw(tile, words, excluded, key) {
  const box = boxOf(tile);
  let person = tile.querySelector(".cell-person");
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

// The nearest cell to a side; up and down among those that are in the page.
function toASide(tile, key) {
  const there = tiles.nodes.filter((node) => node.isConnected);
  if (key === "ArrowLeft" || key === "ArrowRight") {
    const names = tiles.names;
    return names[names.indexOf(tile.dataset.cell) + (key === "ArrowLeft" ? -1 : 1)];
  }
  const next = there[neighbour(there.map((node) => node.getBoundingClientRect()), there.indexOf(tile), key)];
  return next && next.dataset.cell;
}

const looks = (tile) => ({
  name: tile.dataset.cell,
  version: boxOf(tile).value.split(".")[2],
  words: tile.querySelector(".cell-person")?.textContent || "",
  excluded: tile.classList.contains("cell-excluded"),
});

function say(cells, choice, words) {
  // The cells look as they will at once; the focus goes on, so that the next key means the next cell.
  const some = choice === "confirm" ? cells.filter((tile) => tile.dataset.suggested) : cells;
  if (!some.length) {
    if (cells.length) refusals.tell(root.dataset.none, cells.map((tile) => tile.dataset.cell));
    return;
  }
  const excluded = choice.startsWith("excluded:");
  const before = some.map(looks);
  const keys = some.map((tile) => boxOf(tile).value);
  const names = some.map((tile) => tile.dataset.cell);
  const next = afterNaming(tiles.names, names);
  some.forEach((tile, place) => {
    const said = choice === "confirm" ? tile.dataset.suggested : choice === "cleared" ? "" : words;
    draw(tile, said, excluded, following(keys[place]));
    boxOf(tile).checked = false;
  });
  undoable.push(before);
  refusals.actedOn(names);
  done(next);
  queue.add({ choice, cells: keys });
}

function undo() {
  const before = undoable.pop();
  if (!before) return;
  const keys = [];
  for (const one of before) {
    const tile = tileOf(one.name);
    if (!tile) continue;
    const key = boxOf(tile).value;
    keys.push(`${key}.${one.version}`);
    draw(tile, one.words, one.excluded, following(key));
  }
  refusals.actedOn(before.map((look) => look.name));
  done(before[0].name);
  if (keys.length) queue.add({ choice: "restore", cells: keys });
}

function done(next) {
  for (const open of page.querySelectorAll(".exclude[open]")) open.open = false;
  countSelected();
  mayArrange(true);
  focusOn(next);
}

function mayArrange(may) {
  const arrange = byId("arrange"); // not there for who may not name cells
  if (arrange) arrange.disabled = !may;
}

function focusOn(name) {
  const tile = tiles.inPage(name);
  if (tile) boxOf(tile).focus();
}

async function arranged(name) {
  // The cells in their groups anew, as the server has them; the place on the page stays.
  await queue.flush();
  const { status, answer } = await ask(location.href, "cells");
  if (!answer || !answer.groups) { withoutPart(status, answer); return; }
  if (!queue.length) reload.settled();
  const place = scrollY;
  tiles.load(groups(), answer);
  parts.clear();
  mayArrange(false);
  for (const pager of root.querySelectorAll(".pager")) pager.remove();
  countSelected();
  scrollTo(0, place);
  if (name) focusOn(name);
}

async function redraw(kind) {
  const cells = meant();
  const names = cells.map((tile) => tile.dataset.cell);
  refusals.actedOn(names);
  await queue.flush();
  const data = new FormData(byId("annotations"));
  data.delete("cell");
  data.set("kind", kind);
  for (const tile of cells) data.append("cell", boxOf(tile).value);
  const address = page.querySelector("[data-redraw]").formAction;
  const { status, answer } = await ask(address, "changes", data);
  if (!answer || !answer.cells) { withoutPart(status, answer); return; }
  if (answer.problem) { refusals.tell(answer.problem, names); return; }
  await arranged(answer.cell);
  for (const part of ["count", "history", "progress"]) byId(part).innerHTML = answer[part];
}

function countSelected() {
  const count = chosen().length;
  page.toggleAttribute("data-selected", count > 0);
  const output = byId("selected");
  if (output) output.value = count;
}

function prepare() {
  document.documentElement.classList.add("scripted");
  countSelected();
  tellSaving(queue);
}

async function show(address) {
  if (!beside.offsetParent) return; // no room for it on a phone
  wanted = address;
  if (!parts.has(address)) {
    const answer = await fetch(address, { headers: { "X-Part": "cell" } }).catch(() => null);
    if (!answer || !answer.ok || answer.redirected) return;
    parts.set(address, await answer.text());
  }
  if (wanted === address) beside.innerHTML = parts.get(address);
}

function showSoon(tile) {
  clearTimeout(timer);
  timer = setTimeout(() => show(tile.dataset.part), REST_MS);
}

page.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (!button || !button.value) return; // Enter on a cell names nothing
  if (button.matches("[data-redraw]")) redraw(button.value);
  else if (button.matches("[data-draw]")) drawOn();
  else say(meant(), button.value, button.querySelector("span")?.textContent || button.textContent);
});
function drawOn() {
  const tile = meant()[0] || tileOf(tiles.names[0]);
  if (!tile) return;
  const [image, number] = tile.dataset.cell.split(".");
  queue.flush().then(() => { location.href = `${root.dataset.address}/${image}/draw?cell=${number}`; });
}
page.addEventListener("click", (event) => {
  if (event.target.closest("#undo")) undo();
  if (event.target.closest("#arrange")) arranged(lastFocus && lastFocus.dataset.cell);
  const box = event.target.closest(".cell input");
  if (!box) return;
  const tile = box.closest(".cell");
  if (event.shiftKey && lastTicked) {
    for (const name of between(tiles.names, lastTicked, tile.dataset.cell)) boxOf(tileOf(name)).checked = box.checked;
    countSelected();
  }
  lastTicked = tile.dataset.cell;
});
page.addEventListener("change", countSelected);

page.addEventListener("focusin", (event) => {
  const tile = event.target.closest(".cell");
  if (!tile) return;
  lastFocus = tile;
  showSoon(tile);
});
page.addEventListener("pointerover", (event) => {
  const tile = event.target.closest(".cell");
  if (tile) showSoon(tile);
});
beside.addEventListener("click", (event) => {
  const link = event.target.closest("[data-part]");
  if (!link) return;
  event.preventDefault();
  show(link.dataset.part);
});

page.addEventListener("dragstart", (event) => {
  const tile = event.target.closest(".cell");
  if (!tile) return;
  dragged = boxOf(tile).checked ? chosen() : [tile];
  event.dataTransfer.effectAllowed = "move";
  event.dataTransfer.setData("text/plain", tile.dataset.cell);
});
page.addEventListener("dragover", (event) => {
  const target = event.target.closest("[data-drop]");
  const details = event.target.closest(".exclude");
  if (details && dragged.length) details.open = true;
  for (const old of page.querySelectorAll(".drop-here")) if (old !== target) old.classList.remove("drop-here");
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
  say(cells, target.dataset.drop, button ? button.querySelector("span").textContent : target.querySelector("h2").firstChild.textContent.trim());
});
page.addEventListener("dragend", () => {
  dragged = [];
  for (const old of page.querySelectorAll(".drop-here")) old.classList.remove("drop-here");
});

document.addEventListener("keydown", (event) => {
  if (document.querySelector("dialog[open]")) return;
  if ((event.ctrlKey || event.metaKey) && event.key === "z" && undoable.length) {
    event.preventDefault();
    undo();
    return;
  }
  if (modified(event)) return;
  if (event.key === "Escape") {
    const open = page.querySelector(".exclude[open]");
    if (open) {
      open.open = false;
      if (lastFocus && lastFocus.isConnected) boxOf(lastFocus).focus();
      return;
    }
    for (const tile of chosen()) boxOf(tile).checked = false;
    countSelected();
    return;
  }
  const tile = focused();
  if (!tile) return;
  if (event.key.startsWith("Arrow")) {
    const next = toASide(tile, event.key);
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey) { boxOf(tile).checked = true; boxOf(tileOf(next)).checked = true; countSelected(); }
    focusOn(next);
  } else if (event.key === "a") {
    event.preventDefault();
    for (const name of tiles.namesOfGroup(tile.dataset.cell)) boxOf(tileOf(name)).checked = true;
    countSelected();
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

addEventListener("beforeunload", (event) => { if (queue.length && !reload.begun) event.preventDefault(); });

function resize() {
  root.style.setProperty("--crop", `${size.value}px`);
  localStorage.setItem(SIZE, size.value);
}
size.value = localStorage.getItem(SIZE) || size.value;
size.addEventListener("input", resize);
resize();
tiles.adopt(groups());
if (byId("problem")) refusals.tell(byId("problem").textContent.trim(), chosen().map((tile) => tile.dataset.cell));
prepare();
if (queue.length || root.dataset.whole === "no") arranged(); // more than stand on the page, or than it knows
