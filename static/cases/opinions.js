// Second opinions: the models that were ticked read a new case's images, once all of them are there.
import { unsent } from "./queue.js";

/** Return the images, by id, that other models are to be asked to read now: once nothing is on its way, the new ones. */
export function toAsk(items, asked) {
  if (unsent(items)) return [];
  return items.filter((item) => item.state === "done").map((item) => item.answer.id).filter((id) => !asked.has(id));
}

/** Ask each model, by name, to read the images that it has not read; `tell` gets a sentence for each that cannot. */
export async function askEach(names, address, token, tell) {
  // Whoever opens the case meanwhile leaves this page: what was begun is kept alive.
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  await Promise.all(names.map(async (name) => {
    const body = new FormData();
    body.append("bundle", name);
    const response = await fetch(address, { method: "POST", body, headers, keepalive: true }).catch(() => null);
    if (response && response.ok) return;
    const answer = response ? await response.json().catch(() => ({})) : {};
    tell(name, answer.error);
  }));
}
