// The queue of images on their way to the server: what is sent next, and what an answer means.

export const AT_ONCE = 4;
export const BUSY_TRIES = 5;
const BUSY_SECONDS = 3; // where a busy server does not say when to come back

/** Return whether something is still on its way, to the case or out of it. */
export function unsent(items) {
  return items.some((item) => ["waiting", "sending", "removing"].includes(item.state));
}

/** Return the item that is to be sent now: the first that waits and may, while fewer than AT_ONCE are under way. */
export function nextToSend(items, now) {
  if (items.filter((item) => item.state === "sending").length >= AT_ONCE) return undefined;
  return items.find((item) => item.state === "waiting" && (item.notBefore || 0) <= now);
}

/** Return what follows from an answer: done, waiting for so many seconds, or failed for a reason of the page's words. */
export function afterAnswer(status, tries, retryAfter) {
  if (status === 201) return { state: "done" };
  if (status === 503 && tries < BUSY_TRIES) return { state: "waiting", seconds: Number(retryAfter) || BUSY_SECONDS };
  // The server brings a sentence with its refusals. Without one a proxy has spoken in its place, or nobody.
  return { state: "failed", reason: { 401: "signedOut", 413: "tooLargeOnTheWay" }[status] || "unanswered" };
}

/** Return whether nothing of a file was stored for certain, by what follows from an answer that brought this error or none. */
export function notStored({ state, reason }, error) {
  return state === "waiting" || (state === "failed" && (reason !== "unanswered" || Boolean(error)));
}

/** Return the rows that take the place of a file of several pictures, or null for a file of one; each row is done or failed. */
export function rowsOf(answer) {
  if (!answer || !Array.isArray(answer.images)) return null;
  return answer.images.map((image) => ({ name: image.name, state: image.error ? "failed" : "done", text: image.error || "", image }));
}

/** Return the share that was sent, from 0 to 1, or null where it is not known; at 1 the server reads the picture. */
export function shareSent(event) {
  return event.lengthComputable && event.total ? event.loaded / event.total : null;
}

/** Return the words of a state; `opened` is whether the case exists that the image is to go into. */
export function stateWords(state, opened, words) {
  const { sending, removing } = words;
  return { waiting: opened ? words.queued : words.waiting, sending, removing }[state] || "";
}

/** Return how the whole queue stands, when nothing is on its way any more. */
export function summary(items, words) {
  if (!items.length || unsent(items)) return "";
  const count = (state) => items.filter((item) => item.state === state).length;
  return words.summary.replace("{done}", count("done")).replace("{total}", items.length).replace("{failed}", count("failed"));
}

/** Return whether the case may be opened: it exists, nothing is on its way, and there is something new to see in it. */
export function mayOpen(items, opened, isNew) {
  return opened && !unsent(items) && (isNew || items.some((item) => item.state === "done"));
}
