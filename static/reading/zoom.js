// The arithmetic of zooming and moving. A place is { zoom, x, y }: x and y are the point of the picture, from 0 to 1, that
// is in the middle of the pane. A pane and a picture are { width, height }, in canvas pixels and in pixels of their own.

export const MAX_ZOOM = 16;
export const STEP = 1.25;
export const WHOLE = { zoom: 1, x: 0.5, y: 0.5 };

const within = (value, low, high) => Math.min(high, Math.max(low, value));

/** Return how large the whole picture is in a pane: as large as fits, times the zoom. */
export function sizeAt(pane, picture, zoom) {
  const scale = Math.min(pane.width / picture.width, pane.height / picture.height) * zoom;
  return { width: picture.width * scale, height: picture.height * scale, scale };
}

/** Return where in a pane the picture is drawn, and how large. */
export function placement(pane, picture, place) {
  const size = sizeAt(pane, picture, place.zoom);
  return { ...size, x: pane.width / 2 - place.x * size.width, y: pane.height / 2 - place.y * size.height };
}

/** Return the nearest place without an empty margin: in the middle as long as the picture is smaller than the pane. */
export function inSight(pane, picture, place) {
  const size = sizeAt(pane, picture, place.zoom);
  const reach = (side, length) => Math.max(0, length - side) / 2 / length;
  const [across, down] = [reach(pane.width, size.width), reach(pane.height, size.height)];
  return { zoom: place.zoom, x: within(place.x, 0.5 - across, 0.5 + across), y: within(place.y, 0.5 - down, 0.5 + down) };
}

/** Return the place at another zoom at which what lies under a point, from the middle of the pane, stays
 * where it is, as far as the edges allow. */
export function zoomed(pane, picture, place, zoom, [across, down] = [0, 0]) {
  const next = within(zoom, 1, MAX_ZOOM);
  const [before, after] = [sizeAt(pane, picture, place.zoom), sizeAt(pane, picture, next)];
  const x = place.x + across / before.width - across / after.width;
  const y = place.y + down / before.height - down / after.height;
  return inSight(pane, picture, { zoom: next, x, y });
}

/** Return the place at which a box of the picture, [left, top, right, bottom] in its pixels, fills a share of the pane. */
export function around(pane, picture, [left, top, right, bottom], share = 0.3) {
  const whole = sizeAt(pane, picture, 1);
  const fits = Math.min(pane.width / (right - left), pane.height / (bottom - top)) / whole.scale;
  const [x, y] = [(left + right) / 2 / picture.width, (top + bottom) / 2 / picture.height];
  return inSight(pane, picture, { zoom: within(share * fits, 1, MAX_ZOOM), x, y });
}

/** Return the place after the picture was pushed by so many canvas pixels. */
export function moved(pane, picture, place, across, down) {
  const size = sizeAt(pane, picture, place.zoom);
  return inSight(pane, picture, { ...place, x: place.x - across / size.width, y: place.y - down / size.height });
}

/** Return by how much an arrow key pushes the picture: what is looked at goes the other way. */
export function push(key, step) {
  return { ArrowLeft: [step, 0], ArrowRight: [-step, 0], ArrowUp: [0, step], ArrowDown: [0, -step] }[key];
}
