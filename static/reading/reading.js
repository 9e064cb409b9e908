// The reading page: the picture on a canvas, with the map and the boxes drawn from numbers, not from images.
// A second canvas shows the original beside it; both look at the same place, whichever of them is moved.
import { following } from "../shortcuts.js";
import { setCurrent, showLabel, showMap } from "./choices.js";
import { opacityAfter } from "./evidence.js";
import { listenForGestures } from "./gestures.js";
import { listenForKeys } from "./keyboard.js";
import { paint } from "./painting.js";
import { Pictures } from "./pictures.js";
import { opacityOf, placeOf, recall, remember, toBegin } from "./remembered.js";
import { stageOf } from "./stage.js";
import { STEP, around, inSight, moved, push, zoomed } from "./zoom.js";

const root = document.getElementById("read");
const data = stageOf(root.dataset.stage);
const byId = (id) => document.getElementById(id);
const all = (selector) => [...document.querySelectorAll(selector)];
const PUSH = 60; // CSS pixels that an arrow key moves the picture
const OPACITY_STEP = 5; // per cent

const SHADED = ["map", "leukocytes"]; // views with colours over the picture
const UNDER_MAP = data.views.model ? "model" : "original"; // what the network was given, unless that version is gone
const links = all(".segments [data-view]");
const radios = all("[name=label][type=radio]");
const remembered = recall(sessionStorage);
const here = history.state || {}; // what was chosen on this very page, which Back and a reload bring again
const asked = new URLSearchParams(location.search);
const asksFor = (name) => asked.has(name) && root.dataset[name];
const begin = (name, offered) => toBegin(offered, [here[name], asksFor(name), remembered[name]], root.dataset[name]);

const state = {
  view: begin("view", links.map((link) => link.dataset.view)),
  label: begin("label", radios.map((radio) => radio.value)),
  method: here.method || root.dataset.method,
  opacity: opacityOf(remembered.opacity, byId("opacity") ? byId("opacity").value / 100 : 0.45),
  boxes: Boolean(remembered.boxes ?? data.types.some((type) => type.length)) || Boolean(data.cell),
  cell: data.cell, // the number of the leukocyte that is looked for; 0 for none
  beside: false,
  place: placeOf(data.cell ? null : remembered.place),
};
const panes = all(".stage").map((stage) => {
  const canvas = stage.querySelector("canvas");
  return { stage, canvas, context: canvas.getContext("2d"), fixed: stage.dataset.fixed };
});
const main = panes.find((pane) => !pane.fixed);
const pictures = new Pictures(data, draw);

function viewOf(pane) {
  return pane.fixed || state.view;
}

function sizeOf(pane) {
  // What the network was given has a size of its own; every other view has the picture's.
  const model = viewOf(pane) === "model" && pictures.view("model");
  return model && model.naturalWidth ? { width: model.naturalWidth, height: model.naturalHeight } : data;
}

function draw() {
  for (const pane of panes) if (!pane.stage.hidden) drawPane(pane);
  byId("zoom").textContent = `${Math.round(100 * state.place.zoom)} %`;
}

function drawPane(pane) {
  const view = viewOf(pane);
  const image = pictures.view({ map: UNDER_MAP, leukocytes: "original" }[view] || view);
  if (!image.complete || !image.naturalWidth || !pane.canvas.width) return;
  const map = view === "map" && data.maps[state.label] ? pictures.map(state.label, state.method) : null;
  paint(pane, data, state, { view, image, size: sizeOf(pane), map });
}

function resize() {
  for (const { canvas, stage } of panes) {
    canvas.width = Math.round(stage.clientWidth * devicePixelRatio);
    canvas.height = Math.round(stage.clientHeight * devicePixelRatio);
  }
  draw();
}

function show(view) {
  const chosen = links.find((link) => link.dataset.view === view);
  if (chosen) {
    main.stage.setAttribute("aria-label", chosen.title);
    if (byId("pane-word")) byId("pane-word").textContent = chosen.textContent;
  } else if (view !== root.dataset.view) return;
  state.view = view;
  for (const link of links) setCurrent(link, link === chosen);
  for (const part of all("[data-for=map]")) part.classList.toggle("inactive", !SHADED.includes(view));
  if (byId("opacity")) byId("opacity").disabled = !SHADED.includes(view);
  draw();
}

function note(choice) {
  // What a person chose stays for the next image, also where that has no such view; and for this one, whatever its
  // address asks for.
  remember(sessionStorage, choice);
  history.replaceState({ ...history.state, ...choice }, "");
}

function choose(view) {
  note({ view });
  show(view);
}

function chooseCell(number) {
  // Go to a leukocyte, shaded by how much it counts.
  state.cell = number;
  for (const link of all("#counting [data-cell]")) setCurrent(link, Number(link.dataset.cell) === number);
  state.place = around(main.canvas, data, data.boxes[number - 1]); // not for the next image: there is another one there
  choose("leukocytes");
}

function chooseLabel(label) {
  state.label = label;
  note({ label });
  showLabel(data, state, radios);
  choose("map");
}

function chooseMethod(method) {
  state.method = method;
  note({ method });
  showMap(data, state);
  choose("map");
}

function showOpacity() {
  const percent = Math.round(100 * state.opacity);
  byId("opacity").value = percent;
  byId("opacity-value").textContent = `${percent} %`;
}

function setOpacity(percent) {
  if (!byId("opacity")) return;
  state.opacity = percent / 100;
  note({ opacity: state.opacity });
  showOpacity();
  draw();
}

function lookAt(place) {
  state.place = place;
  remember(sessionStorage, { place });
  draw();
}

function zoomTo(zoom, point, pane = main) {
  lookAt(zoomed(pane.canvas, sizeOf(pane), state.place, zoom, point));
}

function zoomBy(factor, point, pane = main) {
  zoomTo(state.place.zoom * factor, point, pane);
}

function moveBy(across, down, pane = main) {
  lookAt(moved(pane.canvas, sizeOf(pane), state.place, across, down));
}

for (const pane of panes) {
  listenForGestures(pane.stage, pane.canvas, {
    zoom: () => state.place.zoom,
    zoomBy: (factor, point) => zoomBy(factor, point, pane),
    moveBy: (across, down) => moveBy(across, down, pane),
  });
}

function setBeside(on) {
  // The original beside the view, or one picture alone; kept for the next image.
  state.beside = on;
  for (const pane of panes) if (pane.fixed) pane.stage.hidden = !on;
  byId("panes").classList.toggle("panes-two", on);
  byId("beside").checked = on;
  try { localStorage.setItem("beside", on ? "yes" : ""); } catch { /* private windows: for this page only */ }
  resize();
  moveBy(0, 0); // into sight again: the pane has another size
}

function toggleBeside() {
  setBeside(!state.beside);
  // Twice the same picture would show nothing.
  if (state.beside && state.view === "original") choose(Object.keys(data.maps).length ? "map" : "mask");
}

for (const link of links) {
  link.addEventListener("click", (event) => { event.preventDefault(); choose(link.dataset.view); });
}
for (const link of all("#counting [data-cell]")) {
  link.addEventListener("click", (event) => { event.preventDefault(); chooseCell(Number(link.dataset.cell)); });
}
for (const link of all(".methods [data-method]")) {
  link.addEventListener("click", (event) => { event.preventDefault(); chooseMethod(link.dataset.method); });
}
for (const radio of radios) radio.addEventListener("change", () => chooseLabel(radio.value));
for (const link of all(".label-link")) {
  link.addEventListener("click", (event) => { event.preventDefault(); link.previousElementSibling.click(); });
  link.tabIndex = -1;
}
if (byId("boxes")) {
  byId("boxes").checked = state.boxes;
  byId("boxes").addEventListener("change", (event) => {
    state.boxes = event.target.checked;
    remember(sessionStorage, { boxes: state.boxes });
    draw();
  });
}
if (byId("beside")) byId("beside").addEventListener("change", toggleBeside);
if (byId("opacity")) byId("opacity").addEventListener("input", (event) => setOpacity(event.target.value));
byId("zoom-in").addEventListener("click", () => zoomBy(STEP));
byId("zoom-out").addEventListener("click", () => zoomBy(1 / STEP));
byId("zoom-reset").addEventListener("click", () => zoomTo(1));

const keys = {
  b: () => byId("boxes") && byId("boxes").click(),
  d: () => byId("beside") && toggleBeside(),
  v: () => {
    const views = links.map((link) => link.dataset.view);
    if (views.length) choose(following(views, state.view));
  },
  c: () => radios.length && following(radios, radios.find((radio) => radio.checked)).click(),
  "[": () => setOpacity(opacityAfter(state.opacity, -OPACITY_STEP)),
  "]": () => setOpacity(opacityAfter(state.opacity, OPACITY_STEP)),
  "+": () => zoomBy(STEP),
  "=": () => zoomBy(STEP),
  "-": () => zoomBy(1 / STEP),
  0: () => zoomTo(1),
};
listenForKeys(keys, (key) => {
  const enlarged = state.place.zoom > 1 && panes.some((pane) => pane.stage === document.activeElement);
  const way = enlarged && push(key, PUSH * devicePixelRatio);
  if (way) moveBy(...way);
  return Boolean(way);
});

byId("plain").hidden = true;
for (const { canvas } of panes) canvas.hidden = false;
document.documentElement.classList.add("scripted");
new ResizeObserver(resize).observe(main.stage);
show(state.view);
showLabel(data, state, radios);
if (byId("opacity")) showOpacity();
resize();
state.place = inSight(main.canvas, sizeOf(main), state.place); // it may be another picture's, of another shape
if (data.cell && state.view === "leukocytes" && data.boxes[data.cell - 1]) chooseCell(data.cell);
draw();
let beside = "";
try { beside = localStorage.getItem("beside"); } catch { /* private windows */ }
if (beside && byId("beside")) setBeside(true);
