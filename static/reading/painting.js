// What a pane shows: the picture at the place that is looked at, and over it the map, the shaded leukocytes or the boxes.
import { drawBoxes, drawParts } from "./boxes.js";
import { drawLeukocytes } from "./leukocytes.js";
import { placement } from "./zoom.js";

const PIXELS_FROM = 6; // times the picture's size: its pixels are shown as they are, as smoothing would invent chromatin

export function paint({ canvas, context, stage }, data, { place, opacity, boxes, cell }, { view, image, size, map }) {
  // Draw `image`, which has come, as if it had `size`; map: the canvas with the map, null where none is shown.
  context.clearRect(0, 0, canvas.width, canvas.height);
  const at = placement(canvas, size, place);
  context.imageSmoothingEnabled = at.width / image.naturalWidth < PIXELS_FROM;
  context.imageSmoothingQuality = "high";
  context.drawImage(image, at.x, at.y, at.width, at.height);
  if (map) {
    context.save();
    context.imageSmoothingEnabled = true;
    context.globalAlpha = opacity;
    context.drawImage(map, at.x, at.y, at.width, at.height);
    context.restore();
  }
  if (view === "leukocytes") {
    drawLeukocytes(context, data, at, { opacity, chosen: cell, ratio: devicePixelRatio });
  } else if (boxes && view !== "model") {
    drawParts(context, data.parts, at, devicePixelRatio);
    drawBoxes(context, data, at, cell, devicePixelRatio);
  }
  stage.dataset.shown = view;
  stage.dataset.at = [place.zoom, place.x, place.y].map((value) => value.toFixed(4)).join(" ");
}
