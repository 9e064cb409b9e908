// The cells page: naming and undoing. A key changes its cell at once and moves on; what was said goes to the server
// behind it, in order, and the counts come back as they stand there.
import { Reload, afterRefusal, ask } from "./asking.js";
import { Beside } from "./beside.js";
import { listenForDrags } from "./dragging.js";
import { listenForKeys } from "./keyboard.js";
import { drawNotice } from "./notice.js";
import { afterNaming } from "./order.js";
import { Queue, following, nameOf, storeOf } from "./queue.js";
import { Refusals } from "./refusals.js";
import { Selection } from "./selection.js";
import { boxOf, draw, looks } from "./tile.js";
import { VirtualCells } from "./virtual_cells.js";

const byId = (id) => document.getElementById(id);
const root = byId("cells");
const page = byId("cell-groups");
const RETRY_MS = 1500;
const STORE = storeOf(root.dataset.person, root.dataset.address);
const SIZE = "cells.crop";
const undoable = []; // what was done on this page: cells with the versions to go back to, and how they looked

const size = byId("crop");
const tiles = new VirtualCells(() => Number(size.value));
const tileOf = (name) => tiles.node(name);
const groups = () => byId("groups");
const selection = new Selection(page, tiles);
const beside = new Beside(byId("beside"));

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
  beside.outdated();
  for (const part of ["count", "history", "progress"]) byId(part).innerHTML = answer[part];
  if (answer.ok) return;
  // They are not ticked again: the person is at another cell by now, and the next key is meant for that one.
  refusals.tell(answer.problem, acts[0].cells.map(nameOf));
  undoable.splice(0);
}

function drawProblem(sentences, fresh) {
  const close = [root.dataset.close, () => { refusals.close(); selection.focusAgain(); }];
  const again = [root.dataset.again, () => selection.tick(refusals.names)];
  const notice = drawNotice(page, sentences, refusals.names.length ? [again, close] : [close]);
  if (fresh) notice.scrollIntoView({ block: "center" });
}

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
  if (!before) return false;
  const keys = [];
  for (const { name, version, words, excluded } of before) {
    const tile = tileOf(name);
    if (!tile) continue;
    const key = boxOf(tile).value;
    keys.push(`${key}.${version}`);
    draw(tile, words, excluded, following(key));
  }
  refusals.actedOn(before.map((look) => look.name));
  done(before[0].name);
  if (keys.length) queue.add({ choice: "restore", cells: keys });
  return true;
}

function done(next) {
  for (const open of page.querySelectorAll(".exclude[open]")) open.open = false;
  selection.count();
  mayArrange(true);
  selection.focusOn(next);
}

function mayArrange(may) {
  const arrange = byId("arrange"); // not there for who may not name cells
  if (arrange) arrange.disabled = !may;
}

async function arranged(name) {
  // The cells in their groups anew, as the server has them; the place on the page stays.
  await queue.flush();
  const { status, answer } = await ask(location.href, "cells");
  if (!answer || !answer.groups) { withoutPart(status, answer); return; }
  if (!queue.length) reload.settled();
  const place = scrollY;
  tiles.load(groups(), answer);
  beside.outdated();
  mayArrange(false);
  for (const pager of root.querySelectorAll(".pager")) pager.remove();
  selection.count();
  scrollTo(0, place);
  if (name) selection.focusOn(name);
}

async function redraw(kind) {
  const cells = selection.meant;
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

function prepare() {
  document.documentElement.classList.add("scripted");
  selection.count();
  tellSaving(queue);
}

page.addEventListener("submit", (event) => {
  event.preventDefault();
  const button = event.submitter;
  if (!button || !button.value) return; // Enter on a cell names nothing
  if (button.matches("[data-redraw]")) redraw(button.value);
  else if (button.matches("[data-draw]")) drawOn();
  else say(selection.meant, button.value, button.querySelector("span")?.textContent || button.textContent);
});
function drawOn() {
  const tile = selection.meant[0] || tileOf(tiles.names[0]);
  if (!tile) return;
  const [image, number] = tile.dataset.cell.split(".");
  queue.flush().then(() => { location.href = `${root.dataset.address}/${image}/draw?cell=${number}`; });
}
page.addEventListener("click", (event) => {
  if (event.target.closest("#undo")) undo();
  if (event.target.closest("#arrange")) arranged(selection.lastFocus && selection.lastFocus.dataset.cell);
});
for (const rest of ["focusin", "pointerover"]) {
  page.addEventListener(rest, (event) => {
    const tile = event.target.closest(".cell");
    if (tile) beside.showSoon(tile.dataset.part);
  });
}
listenForKeys(page, tiles, selection, undo);
listenForDrags(page, () => selection.chosen, say);

addEventListener("beforeunload", (event) => { if (queue.length && !reload.begun) event.preventDefault(); });

function resize() {
  root.style.setProperty("--crop", `${size.value}px`);
  localStorage.setItem(SIZE, size.value);
}
size.value = localStorage.getItem(SIZE) || size.value;
size.addEventListener("input", resize);
resize();
tiles.adopt(groups());
if (byId("problem")) refusals.tell(byId("problem").textContent.trim(), selection.chosen.map((tile) => tile.dataset.cell));
prepare();
if (queue.length || root.dataset.whole === "no") arranged(); // more than stand on the page, or than it knows
