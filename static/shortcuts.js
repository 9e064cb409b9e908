// When a key that was pressed is a shortcut, and what it is meant for.

/** Return whether a key was pressed together with one that makes it the browser's or the system's. */
export function modified(event) {
  // AltGr types a character, as [ and ] on a German keyboard; Windows reports it as Ctrl with Alt.
  if (event.getModifierState("AltGraph")) return event.metaKey;
  return event.ctrlKey || event.metaKey || event.altKey;
}

/** Return whether a key does what it stands for again and again while it is held: it goes on by links, but presses no button.
 *
 * The page that follows hears a held key too, and it would be another image that is reviewed.
 */
export function mayRepeat(element) {
  return element.matches("a");
}

/** Return the place in a page's list of keys that a key stands for, or -1; on a picture the arrows move it. */
export function placeOf(key, keys, onPicture) {
  return onPicture && key.startsWith("Arrow") ? -1 : keys.indexOf(key);
}

/** Return what is next in a list that starts again at its end; the first where the present one is not in it. */
export function following(names, present) {
  return names[(names.indexOf(present) + 1) % names.length];
}
