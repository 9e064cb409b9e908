// Maps of the evidence for a class: which grid is shown, and how its numbers become colours.

export const FIRST_METHOD = "grad-cam"; // comes with every reading; the others are drawn when they are asked for
const SIDE = 384; // the map is smooth: finer than this shows nothing more

const within = (value, high) => Math.min(high, Math.max(0, value));

/** Return the methods that have drawn a map of a class. */
export function methodsFor(data, label) {
  const others = Object.entries(data.methods || {}).filter(([, grids]) => grids[label]).map(([method]) => method);
  return data.maps[label] ? [FIRST_METHOD, ...others] : [];
}

/** Return the method that is shown where one is wished for: that one, or the first where it has not drawn this class. */
export function methodShown(data, label, wished) {
  return methodsFor(data, label).includes(wished) ? wished : FIRST_METHOD;
}

/** Return the numbers of a class's map, rows from the top, from 0 to 1; undefined where there are none. */
export function gridOf(data, label, wished) {
  const method = methodShown(data, label, wished);
  return method === FIRST_METHOD ? data.maps[label] : data.methods[method][label];
}

/** Return whether further maps of a class can be asked for: some have not been drawn yet, and the field was not read in parts. */
export function mayAskMore(data, label) {
  if (data.parts.length) return false;
  const others = Object.values(data.methods || {});
  return !others.length || others.some((grids) => !grids[label]);
}

/** Return whether anything speaks for the class. */
export function hasEvidence(grid) {
  return grid.some((row) => row.some((value) => value > 0));
}

/** Return a colour table, six hexadecimal digits a colour, as pixels in the byte order of ImageData (little-endian). */
export function palette(hex) {
  return Uint32Array.from(hex.match(/.{6}/g), (colour) => {
    const [red, green, blue] = colour.match(/../g).map((pair) => parseInt(pair, 16));
    return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
  });
}

/** Return how large the map of a picture is drawn. */
export function mapSize(picture) {
  const ratio = SIDE / Math.max(picture.width, picture.height);
  const side = (length) => Math.max(1, Math.round(length * ratio));
  return { width: side(picture.width), height: side(picture.height) };
}

/** Return the pixels of a grid that was enlarged bilinearly and coloured, as the server's overlay does. */
export function coloured(grid, { width, height }, colours) {
  const [rows, columns] = [grid.length, grid[0].length];
  const pixels = new Uint32Array(width * height);
  for (let y = 0; y < height; y += 1) {
    const v = within((y + 0.5) * rows / height - 0.5, rows - 1);
    const [top, bottom] = [Math.floor(v), Math.min(rows - 1, Math.floor(v) + 1)];
    for (let x = 0; x < width; x += 1) {
      const u = within((x + 0.5) * columns / width - 0.5, columns - 1);
      const [left, right] = [Math.floor(u), Math.min(columns - 1, Math.floor(u) + 1)];
      const above = grid[top][left] + (grid[top][right] - grid[top][left]) * (u - left);
      const below = grid[bottom][left] + (grid[bottom][right] - grid[bottom][left]) * (u - left);
      const value = within(above + (below - above) * (v - top), 1);
      pixels[y * width + x] = colours[Math.round((colours.length - 1) * value)];
    }
  }
  return pixels;
}

/** Return the opacity, in per cent, after a step up or down from a share of 1. */
export function opacityAfter(share, step) {
  return within(Math.round(100 * share) + step, 100);
}
