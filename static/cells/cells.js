// The cells page: keys, dragging and the panel beside it. What changes comes back from the server as it stands there.
import { modified } from "../shortcuts.js";
import { afterNaming, neighbour } from "./order.js";

const page = document.getElementById("cell-groups");
const beside = document.getElementById("beside");
const HOVER_MS = 120;
const parts = new Map(); // what stands beside the cells, by address, until an annotation changes it
let wanted = "";
let timer = 0;
let dragged = [];

const tiles = () => [...page.querySelectorAll(".cell")];
const boxOf = (tile) => tile.querySelector("input");
const chosen = () => tiles().filter((tile) => boxOf(tile).checked);
const focused = () => document.activeElement && document.activeElement.closest(".cell");

function countSelected() {
  const output = document.getElementById("selected");
  if (output) output.value = chosen().length;
}

function prepare() {
  for (const part of page.querySelectorAll(".needs-script")) part.hidden = false;
  countSelected();
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

async function send(cells, choice) {
  // One request for all the cells; the answer is the page as it is now, also where somebody else was quicker.
  if (!cells.length || page.getAttribute("aria-busy")) return;
  const form = document.getElementById("annotations");
  const data = new FormData(form);
  data.delete("cell");
  data.set("choice", choice);
  for (const tile of cells) data.append("cell", boxOf(tile).value);
  const names = tiles().map((tile) => tile.dataset.cell);
  const next = afterNaming(names, cells.map((tile) => tile.dataset.cell));
  page.setAttribute("aria-busy", "true");
  try {
    const answer = await fetch(form.action, { method: "POST", body: data, headers: { "X-Part": "cells" } });
    const text = await answer.text();
    if (!text.includes('id="annotations"')) { location.reload(); return; } // signed out, or the case is gone
    const place = scrollY;
    page.innerHTML = text;
    parts.clear();
    prepare();
    scrollTo(0, place);
    const tile = page.querySelector(`[data-cell="${answer.ok ? next : cells[0].dataset.cell}"]`);
    if (tile) boxOf(tile).focus({ preventScroll: answer.ok });
    const problem = document.getElementById("problem");
    if (problem) problem.scrollIntoView({ block: "center" });
  } catch {
    location.reload();
  } finally {
    page.removeAttribute("aria-busy");
  }
}

page.addEventListener("submit", (event) => {
  event.preventDefault();
  if (!event.submitter || !event.submitter.value) return; // Enter on a cell names nothing
  const selected = chosen();
  const focusedLast = lastFocus && lastFocus.isConnected ? [lastFocus] : [];
  send(selected.length ? selected : focusedLast, event.submitter.value);
});
page.addEventListener("change", countSelected);

// A key goes to a button, which takes the focus away: the cell that had it is still the one that is meant.
let lastFocus = null;
page.addEventListener("focusin", (event) => {
  const tile = event.target.closest(".cell");
  if (!tile) return;
  lastFocus = tile;
  clearTimeout(timer);
  show(tile.dataset.part);
});
page.addEventListener("pointerover", (event) => {
  const tile = event.target.closest(".cell");
  if (!tile) return;
  clearTimeout(timer);
  timer = setTimeout(() => show(tile.dataset.part), HOVER_MS);
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
  send(cells, target.dataset.drop);
});
page.addEventListener("dragend", () => {
  dragged = [];
  for (const old of page.querySelectorAll(".drop-here")) old.classList.remove("drop-here");
});

document.addEventListener("keydown", (event) => {
  if (modified(event) || document.querySelector("dialog[open]")) return;
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
    const others = tiles();
    const next = others[neighbour(others.map((other) => other.getBoundingClientRect()), others.indexOf(tile), event.key)];
    if (!next) return;
    event.preventDefault();
    if (event.shiftKey) { boxOf(tile).checked = true; boxOf(next).checked = true; countSelected(); }
    boxOf(next).focus();
  } else if (event.key === "a") {
    event.preventDefault();
    for (const other of tile.closest(".cell-group").querySelectorAll(".cell")) boxOf(other).checked = true;
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

prepare();
