// Evidence by leukocyte: every leukocyte with its outline, shaded by how much the answer changes without it.

/** Return the colour, of a table of six hexadecimal digits each, of a weight: undefined from 0 down, which has no shade. */
export function shadeOf(weight, hex) {
  if (!(weight > 0)) return undefined;
  const level = Math.round((hex.length / 6 - 1) * Math.min(1, weight));
  return `#${hex.slice(6 * level, 6 * level + 6)}`;
}

/** Return the corners of an outline, x and y by turns in pixels of the picture, in a pane where it is placed. */
export function corners(outline, at) {
  const points = [];
  for (let i = 0; i + 1 < outline.length; i += 2) points.push([at.x + outline[i] * at.scale, at.y + outline[i + 1] * at.scale]);
  return points;
}

/** Draw them all: data has weights and outlines by number; the chosen one's outline is thicker. */
export function drawLeukocytes(context, data, at, { opacity, chosen, ratio }) {
  context.save();
  context.lineJoin = "round";
  context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
  for (const [number, outline] of Object.entries(data.outlines)) {
    const points = corners(outline, at);
    if (!points.length) continue;
    context.beginPath();
    for (const [x, y] of points) context.lineTo(x, y);
    context.closePath();
    const shade = shadeOf(data.weights[number], data.inferno);
    if (shade) {
      context.globalAlpha = opacity;
      context.fillStyle = shade;
      context.fill();
      context.globalAlpha = 1;
    }
    const wide = Number(number) === chosen ? 2.5 : 1;
    // White on black: seen on every stain.
    for (const [colour, width] of [["rgba(0, 0, 0, .75)", 3], ["#fff", 1.25]]) {
      context.strokeStyle = colour;
      context.lineWidth = width * wide * ratio;
      context.stroke();
    }
    const [x, y] = points.reduce((top, point) => (point[1] < top[1] ? point : top));
    const place = [x, Math.max(14 * ratio, y - 2 * ratio)];
    context.lineWidth = 3 * ratio;
    context.strokeStyle = "#000";
    context.strokeText(number, ...place);
    context.fillStyle = "#fff";
    context.fillText(number, ...place);
  }
  context.restore();
}
