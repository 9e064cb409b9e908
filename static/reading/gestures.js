// A picture moved and zoomed by hand: dragged, pinched with two fingers, or with the wheel.
import { STEP } from "./zoom.js";

/** Listen on a stage with its canvas for what moves the picture.
 *
 * zoom() returns how far in it is, 1 for the whole; zoomBy(factor, point) zooms about a point, and moveBy(across, down)
 * moves, both in the canvas's pixels, the point from its middle.
 */
export function listenForGestures(stage, canvas, { zoom, zoomBy, moveBy }) {
  const fingers = new Map();
  let span = 0;

  stage.addEventListener("pointerdown", (event) => {
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) span = spanOf(fingers);
    if (zoom() > 1 || fingers.size === 2) stage.setPointerCapture(event.pointerId);
  });
  stage.addEventListener("pointermove", (event) => {
    const before = fingers.get(event.pointerId);
    if (!before) return;
    fingers.set(event.pointerId, event);
    if (fingers.size === 2) {
      const now = spanOf(fingers);
      zoomBy(now / span, fromMiddle(event, canvas));
      span = now;
    } else if (zoom() > 1) {
      const way = [event.clientX - before.clientX, event.clientY - before.clientY];
      moveBy(...way.map((length) => length * devicePixelRatio));
    }
  });
  for (const name of ["pointerup", "pointercancel"]) stage.addEventListener(name, (event) => fingers.delete(event.pointerId));
  stage.addEventListener("wheel", (event) => {
    event.preventDefault();
    zoomBy(event.deltaY < 0 ? STEP : 1 / STEP, fromMiddle(event, canvas));
  }, { passive: false });
}

function fromMiddle(event, canvas) {
  const box = canvas.getBoundingClientRect();
  const away = [event.clientX - box.left - box.width / 2, event.clientY - box.top - box.height / 2];
  return away.map((length) => length * devicePixelRatio);
}

function spanOf(fingers) {
  const [a, b] = [...fingers.values()];
  return Math.hypot(a.clientX - b.clientX, a.clientY - b.clientY);
}
