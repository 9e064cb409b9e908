// The shapes that are drawn on a field, in pixels of its picture.

/** Return the path of a shape of an SVG: corners joined, and closed where it is an outline. */
export function pathOf(corners, closed) {
  if (!corners.length) return "";
  const joined = corners.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(1)}`).join("L");
  return `M${joined}${closed ? "Z" : ""}`;
}

/** Return the corners of a circle. */
export function circle({ x, y, diameter }, corners = 24) {
  return Array.from({ length: corners }, (_, place) => {
    const angle = (2 * Math.PI * place) / corners;
    return [x + (diameter / 2) * Math.cos(angle), y + (diameter / 2) * Math.sin(angle)];
  });
}

/** Return a circle after a key: arrows move it by a step, plus and minus change its size; null for any other key. */
export function moved(at, key, step, { width, height }) {
  const within = (value, most) => Math.min(most, Math.max(0, value));
  const moves = { ArrowLeft: [-step, 0], ArrowRight: [step, 0], ArrowUp: [0, -step], ArrowDown: [0, step] };
  if (moves[key]) {
    const [dx, dy] = moves[key];
    return { ...at, x: within(at.x + dx, width), y: within(at.y + dy, height) };
  }
  if (key === "+" || key === "=") return { ...at, diameter: at.diameter * 1.1 };
  if (key === "-") return { ...at, diameter: Math.max(4, at.diameter / 1.1) };
  return null;
}

/** Return whether an outline encloses anything: a click does not. */
export function encloses(corners, least) {
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  return corners.length > 4 && Math.max(...xs) - Math.min(...xs) >= least && Math.max(...ys) - Math.min(...ys) >= least;
}

/** Return the corners of a shape that was sent before, as JSON, at least `least` of them; null where it is none. */
export function shapeOf(text, least) {
  let corners = null;
  try { corners = JSON.parse(text); } catch { /* what came to the page is no shape */ }
  const point = (corner) => Array.isArray(corner) && corner.length === 2 && corner.every(Number.isFinite);
  return Array.isArray(corners) && corners.length >= least && corners.every(point) ? corners : null;
}
