// Outlining a cell that was not found, and the line along which one is split: by pointer, or by keys.
import { modified } from "../shortcuts.js";
import { circle, encloses, moved, pathOf, shapeOf } from "./shape.js";

const root = document.getElementById("drawing");
const field = document.getElementById("field");
const add = document.getElementById("add");
const byId = (id) => document.getElementById(id);
const size = { width: Number(root.dataset.width), height: Number(root.dataset.height) };
const STEP = Math.max(1, Math.round(size.width / 200));
let drawn = null; // what the pointer is drawing

function at(event) {
  const point = new DOMPoint(event.clientX, event.clientY).matrixTransform(field.getScreenCTM().inverse());
  return [Math.min(size.width, Math.max(0, point.x)), Math.min(size.height, Math.max(0, point.y))];
}

function put(corners, closed) {
  for (const id of ["shape-under", "shape"]) byId(id).setAttribute("d", pathOf(corners, closed));
}

const typed = () => ({ x: Number(byId("x").value), y: Number(byId("y").value), diameter: Number(byId("diameter").value) });

function placeCircle(place) {
  byId("outline").value = "";
  for (const name of ["x", "y", "diameter"]) byId(name).value = Math.round(place[name]);
  put(circle(place), true);
}

if (add) {
  document.documentElement.classList.add("scripted");
  const lining = byId("lining");
  field.addEventListener("pointerdown", (event) => {
    if (event.button !== 0) return;
    event.preventDefault();
    field.focus();
    field.setPointerCapture(event.pointerId);
    drawn = [at(event)];
  });
  field.addEventListener("pointermove", (event) => {
    if (!drawn) return;
    if (lining.checked) drawn = [drawn[0], at(event)];
    else drawn.push(at(event));
    put(drawn, !lining.checked);
  });
  field.addEventListener("pointerup", (event) => {
    if (!drawn) return;
    const corners = drawn;
    drawn = null;
    if (lining.checked) byId("line").value = corners.length === 2 ? JSON.stringify(corners) : "";
    else if (encloses(corners, size.width / 200)) byId("outline").value = JSON.stringify(corners);
    else {
      const [x, y] = at(event); // a click places the circle
      placeCircle({ ...typed(), x, y });
    }
  });
  field.addEventListener("keydown", (event) => {
    if (modified(event)) return;
    if (event.key === "Enter") {
      event.preventDefault();
      if (!event.repeat) add.requestSubmit();
      return;
    }
    const place = moved(typed(), event.key, event.shiftKey ? 10 * STEP : STEP, size);
    if (!place) return;
    event.preventDefault();
    placeCircle(place);
  });
  add.addEventListener("input", () => placeCircle(typed()));
  byId("which").addEventListener("change", () => {
    const places = [...byId("which").options];
    const cells = document.querySelectorAll(".drawing-cell");
    cells.forEach((cell, place) => cell.classList.toggle("drawing-chosen", place === places.indexOf(byId("which").selectedOptions[0])));
    byId("line").value = "";
  });
  const refused = { outline: shapeOf(byId("outline").value, 3), line: shapeOf(byId("line").value, 2) };
  if (refused.outline) put(refused.outline, true);
  else placeCircle(typed());
  if (refused.line) {
    lining.checked = true;
    put(refused.line, false);
  }
  field.focus({ preventScroll: true });
}
