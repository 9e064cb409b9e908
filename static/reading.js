// The reading page: the picture on a canvas, with the map and the boxes drawn from numbers, not from images.
// A second canvas shows the original beside it; both look at the same place, whichever of them is moved.
const root = document.getElementById("read");
const data = JSON.parse(root.dataset.stage);
const byId = (id) => document.getElementById(id);
const MAP_SIDE = 384; // the map is smooth: finer than this shows nothing more
const MAX_ZOOM = 16;
const STEP = 1.25;

// x and y: the point of the picture, from 0 to 1, that is in the middle of each pane.
const state = { view: root.dataset.view, label: root.dataset.label, opacity: 0.45, boxes: false, beside: false, zoom: 1, x: 0.5, y: 0.5 };
const panes = [...document.querySelectorAll(".stage")].map((stage) => {
  const canvas = stage.querySelector("canvas");
  return { stage, canvas, context: canvas.getContext("2d"), fingers: new Map(), span: 0, fixed: stage.dataset.fixed };
});
const main = panes.find((pane) => !pane.fixed);
const pictures = new Map();
const maps = new Map();

// The colour table as 32-bit pixels, in the byte order of ImageData (little-endian everywhere browsers run).
const palette = Uint32Array.from(data.inferno.match(/.{6}/g), (hex) => {
  const [red, green, blue] = hex.match(/../g).map((pair) => parseInt(pair, 16));
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
});

function picture(name) {
  // Load a view once; drawing waits for it.
  if (!pictures.has(name)) {
    const image = new Image();
    image.addEventListener("load", draw);
    image.src = data.views[name];
    pictures.set(name, image);
  }
  return pictures.get(name);
}

function mapCanvas(label) {
  // Enlarge a class's grid bilinearly and colour it, as the server's overlay does.
  if (maps.has(label)) return maps.get(label);
  const grid = data.maps[label];
  const [rows, columns] = [grid.length, grid[0].length];
  const ratio = MAP_SIDE / Math.max(data.width, data.height);
  const width = Math.max(1, Math.round(data.width * ratio));
  const height = Math.max(1, Math.round(data.height * ratio));
  const result = Object.assign(document.createElement("canvas"), { width, height });
  const image = new ImageData(width, height);
  const pixels = new Uint32Array(image.data.buffer);
  const clamp = (value, top) => Math.min(top, Math.max(0, value));
  for (let y = 0; y < height; y += 1) {
    const v = clamp((y + 0.5) * rows / height - 0.5, rows - 1);
    const [top, bottom] = [Math.floor(v), Math.min(rows - 1, Math.floor(v) + 1)];
    for (let x = 0; x < width; x += 1) {
      const u = clamp((x + 0.5) * columns / width - 0.5, columns - 1);
      const [left, right] = [Math.floor(u), Math.min(columns - 1, Math.floor(u) + 1)];
      const above = grid[top][left] + (grid[top][right] - grid[top][left]) * (u - left);
      const below = grid[bottom][left] + (grid[bottom][right] - grid[bottom][left]) * (u - left);
      pixels[y * width + x] = palette[Math.round(255 * clamp(above + (below - above) * (v - top), 1))];
    }
  }
  result.getContext("2d").putImageData(image, 0, 0);
  maps.set(label, result);
  return result;
}

function viewOf(pane) {
  return pane.fixed || state.view;
}

function sizeAt(pane, zoom) {
  // How large the whole picture is in a pane, in canvas pixels: as large as fits, times the zoom.
  const model = viewOf(pane) === "model" && picture("model").naturalWidth;
  const own = model ? [picture("model").naturalWidth, picture("model").naturalHeight] : [data.width, data.height];
  const scale = Math.min(pane.canvas.width / own[0], pane.canvas.height / own[1]) * zoom;
  return { width: own[0] * scale, height: own[1] * scale, scale };
}

function placement(pane) {
  const size = sizeAt(pane, state.zoom);
  return { ...size, x: pane.canvas.width / 2 - state.x * size.width, y: pane.canvas.height / 2 - state.y * size.height };
}

function draw() {
  for (const pane of panes) if (!pane.stage.hidden) drawPane(pane);
  byId("zoom").textContent = `${Math.round(100 * state.zoom)} %`;
}

function drawPane(pane) {
  const { canvas, context, stage } = pane;
  const view = viewOf(pane);
  const image = picture(view === "map" ? "original" : view);
  if (!image.complete || !image.naturalWidth || !canvas.width) return;
  context.clearRect(0, 0, canvas.width, canvas.height);
  const at = placement(pane);
  // Far in, pixels are shown as they are: smoothing would invent chromatin.
  context.imageSmoothingEnabled = at.width / image.naturalWidth < 6;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, at.x, at.y, at.width, at.height);
  if (view === "map" && data.maps[state.label]) {
    context.save();
    context.imageSmoothingEnabled = true;
    context.globalAlpha = state.opacity;
    context.drawImage(mapCanvas(state.label), at.x, at.y, at.width, at.height);
    context.restore();
  }
  if (state.boxes && view !== "model") drawBoxes(context, at);
  stage.dataset.shown = view;
  stage.dataset.at = [state.zoom, state.x, state.y].map((value) => value.toFixed(4)).join(" ");
}

function drawBoxes(context, at) {
  const ratio = devicePixelRatio;
  // Numbered as on the cells page; the one that a link from there names is drawn thicker.
  context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  for (const [place, [left, top, right, bottom]] of data.boxes.entries()) {
    const wide = place + 1 === data.cell ? 2 : 1;
    const box = [at.x + left * at.scale, at.y + top * at.scale, (right - left) * at.scale, (bottom - top) * at.scale];
    // White on black: seen on every stain and over every map.
    context.lineWidth = 3 * wide * ratio;
    context.strokeStyle = "rgba(0, 0, 0, .75)";
    context.strokeRect(...box);
    context.lineWidth = 1.25 * wide * ratio;
    context.strokeStyle = "#fff";
    context.strokeRect(...box);
    const corner = [box[0] + 2 * ratio, Math.max(14 * ratio, box[1] - 2 * ratio)];
    context.lineWidth = 3 * ratio;
    context.strokeStyle = "#000";
    context.strokeText(place + 1, ...corner);
    context.fillStyle = "#fff";
    context.fillText(place + 1, ...corner);
  }
}

function resize() {
  for (const { canvas, stage } of panes) {
    canvas.width = Math.round(stage.clientWidth * devicePixelRatio);
    canvas.height = Math.round(stage.clientHeight * devicePixelRatio);
  }
  draw();
}

function show(view) {
  if (![...document.querySelectorAll("[data-view]")].some((link) => link.dataset.view === view)) return;
  state.view = view;
  for (const link of document.querySelectorAll(".segments [data-view]")) {
    if (link.dataset.view === view) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
    if (link.dataset.view !== view) continue;
    main.stage.setAttribute("aria-label", link.title);
    if (byId("pane-word")) byId("pane-word").textContent = link.textContent;
  }
  for (const part of document.querySelectorAll("[data-for=map]")) part.classList.toggle("inactive", view !== "map");
  if (byId("opacity")) byId("opacity").disabled = view !== "map";
  draw();
}

function choose(label) {
  state.label = label;
  const grid = data.maps[label];
  byId("no-evidence").hidden = grid.some((row) => row.some((value) => value > 0));
  if (state.view !== "map") show("map"); else draw();
}

function setOpacity(percent) {
  const slider = byId("opacity");
  if (!slider) return;
  slider.value = percent;
  state.opacity = slider.value / 100;
  byId("opacity-value").textContent = `${slider.value} %`;
  draw();
}

function zoomTo(zoom, point, pane = main) {
  // Zoom so that what lies under `point` (canvas pixels from the middle of the pane) stays where it is.
  const next = Math.min(MAX_ZOOM, Math.max(1, zoom));
  const [before, after] = [sizeAt(pane, state.zoom), sizeAt(pane, next)];
  const [px, py] = point || [0, 0];
  state.x += px / before.width - px / after.width;
  state.y += py / before.height - py / after.height;
  state.zoom = next;
  keepInSight(pane);
}

function moveBy(dx, dy, pane = main) {
  // Push the picture by so many canvas pixels.
  const size = sizeAt(pane, state.zoom);
  state.x -= dx / size.width;
  state.y -= dy / size.height;
  keepInSight(pane);
}

function keepInSight(pane) {
  const size = sizeAt(pane, state.zoom);
  const within = (value, reach) => Math.min(0.5 + reach, Math.max(0.5 - reach, value));
  state.x = within(state.x, pane.canvas.width * (state.zoom - 1) / 2 / size.width);
  state.y = within(state.y, pane.canvas.height * (state.zoom - 1) / 2 / size.height);
  draw();
}

function fromMiddle(event, canvas) {
  const box = canvas.getBoundingClientRect();
  return [(event.clientX - box.left - box.width / 2) * devicePixelRatio, (event.clientY - box.top - box.height / 2) * devicePixelRatio];
}

function spanOf(fingers) {
  const [a, b] = [...fingers.values()];
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}

function listen(pane) {
  const { stage, canvas, fingers } = pane;
  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) pane.span = spanOf(fingers);
    if (state.zoom > 1 || fingers.size === 2) stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      const now = spanOf(fingers);
      zoomTo(state.zoom * now / pane.span, fromMiddle(event, canvas), pane);
      pane.span = now;
    } else if (state.zoom > 1) {
      moveBy((event.clientX - before.clientX) * devicePixelRatio, (event.clientY - before.clientY) * devicePixelRatio, pane);
    }
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomTo(state.zoom * (event.deltaY < 0 ? STEP : 1 / STEP), fromMiddle(event, canvas), pane);
  }, { passive: false });
}
panes.forEach(listen);

function setBeside(on) {
  // The original beside the view, or one picture alone; kept for the next image.
  state.beside = on;
  for (const pane of panes) if (pane.fixed) pane.stage.hidden = !on;
  byId("panes").classList.toggle("panes-two", on);
  byId("beside").checked = on;
  try { localStorage.setItem("beside", on ? "yes" : ""); } catch { /* private windows: for this page only */ }
  resize();
  keepInSight(main);
}

function lookBeside() {
  setBeside(!state.beside);
  // Twice the same picture would show nothing.
  if (state.beside && state.view === "original") show(Object.keys(data.maps).length ? "map" : "mask");
}

for (const link of document.querySelectorAll(".segments [data-view]")) {
  link.addEventListener("click", (event) => { event.preventDefault(); show(link.dataset.view); });
}
for (const radio of document.querySelectorAll("[name=label]")) {
  radio.addEventListener("change", () => choose(radio.value));
}
for (const link of document.querySelectorAll(".label-link")) {
  link.addEventListener("click", (event) => { event.preventDefault(); link.previousElementSibling.click(); });
  link.tabIndex = -1;
}
if (byId("boxes")) byId("boxes").addEventListener("change", (event) => { state.boxes = event.target.checked; draw(); });
if (byId("beside")) byId("beside").addEventListener("change", lookBeside);
if (byId("opacity")) byId("opacity").addEventListener("input", (event) => setOpacity(event.target.value));
byId("zoom-in").addEventListener("click", () => zoomTo(state.zoom * STEP));
byId("zoom-out").addEventListener("click", () => zoomTo(state.zoom / STEP));
byId("zoom-reset").addEventListener("click", () => zoomTo(1));

const keys = {
  b: () => byId("boxes") && byId("boxes").click(),
  d: () => byId("beside") && lookBeside(),
  v: () => {
    const links = [...document.querySelectorAll(".segments [data-view]")];
    if (links.length) show(links[(links.findIndex((one) => one.dataset.view === state.view) + 1) % links.length].dataset.view);
  },
  c: () => {
    const radios = [...document.querySelectorAll("[name=label]")];
    if (radios.length) radios[(radios.findIndex((one) => one.checked) + 1) % radios.length].click();
  },
  "[": () => setOpacity(Math.max(0, Math.round(100 * state.opacity) - 5)),
  "]": () => setOpacity(Math.min(100, Math.round(100 * state.opacity) + 5)),
  "+": () => zoomTo(state.zoom * STEP),
  "=": () => zoomTo(state.zoom * STEP),
  "-": () => zoomTo(state.zoom / STEP),
  0: () => zoomTo(1),
};
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input[type=text], textarea, select")) return;
  if (keys[event.key]) keys[event.key]();
  else if (panes.some((pane) => pane.stage === document.activeElement) && state.zoom > 1 && event.key.startsWith("Arrow")) {
    const step = 60 * devicePixelRatio;
    const [dx, dy] = { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[event.key];
    moveBy(dx, dy);
  } else return;
  event.preventDefault();
});

byId("plain").hidden = true;
for (const { canvas } of panes) canvas.hidden = false;
for (const part of document.querySelectorAll(".needs-script")) part.hidden = false;
new ResizeObserver(resize).observe(main.stage);
show(state.view);
if (data.cell && byId("boxes")) byId("boxes").click();
if (state.label && data.maps[state.label]) byId("no-evidence").hidden = data.maps[state.label].flat().some((value) => value > 0);
resize();
let beside = "";
try { beside = localStorage.getItem("beside"); } catch { /* private windows */ }
if (beside && byId("beside")) setBeside(true);
