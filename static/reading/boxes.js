// The frames over the picture: the parts in which a wide field was read, and the leukocytes with numbers and types.

const LETTER = 7; // CSS pixels that a letter of a box's words takes, about

/** Draw the parts, [left, top, right, bottom] in the picture's pixels, for a picture placed `at`; they may overlap. */
export function drawParts(context, parts, at, ratio) {
  context.save();
  context.setLineDash([8 * ratio, 6 * ratio]);
  context.lineWidth = 1.5 * ratio;
  context.strokeStyle = "rgba(91, 63, 166, .9)";
  for (const part of parts) context.strokeRect(...placed(part, at));
  context.restore();
}

/** Draw the leukocytes' boxes, numbered as on the cells page; `chosen`, the number of one, is drawn thicker. */
export function drawBoxes(context, { boxes, types, gone }, at, chosen, ratio) {
  context.font = `600 ${12 * ratio}px system-ui, sans-serif`;
  context.textBaseline = "bottom";
  for (const [place, box] of boxes.entries()) {
    if (gone.includes(place + 1)) continue; // others stand in its place
    const wide = place + 1 === chosen ? 2 : 1;
    const frame = placed(box, at);
    // White on black: seen on every stain and over every map.
    context.lineWidth = 3 * wide * ratio;
    context.strokeStyle = "rgba(0, 0, 0, .75)";
    context.strokeRect(...frame);
    context.lineWidth = 1.25 * wide * ratio;
    context.strokeStyle = "#fff";
    context.strokeRect(...frame);
    const corner = [frame[0] + 2 * ratio, Math.max(14 * ratio, frame[1] - 2 * ratio)];
    context.lineWidth = 3 * ratio;
    context.strokeStyle = "#000";
    const words = boxWords(place + 1, types[place] ?? "", frame[2] / ratio);
    context.strokeText(words, ...corner);
    context.fillStyle = "#fff";
    context.fillText(words, ...corner);
  }
}

// A box of the picture as x, y, width and height on the canvas.
function placed([left, top, right, bottom], at) {
  return [at.x + left * at.scale, at.y + top * at.scale, (right - left) * at.scale, (bottom - top) * at.scale];
}

/** Return what stands on a leukocyte's box of a width in CSS pixels: its number and what it is, where anything says so.
 *
 * type: [words, whether a person says so]; a suggestion has a question mark, and what a narrow box has no room for is
 * shortened.
 */
export function boxWords(number, type, width) {
  if (!type || !type.length) return String(number);
  const [name, person] = type;
  const room = Math.max(4, Math.floor(1.6 * width / LETTER) - String(number).length - 2);
  const short = name.length > room ? `${name.slice(0, room - 1)}…` : name;
  return `${number} ${short}${person ? "" : "?"}`;
}
