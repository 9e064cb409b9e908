// Asking the server for a part of the cells page, and what follows where that does not come.

/** Ask for a part of a page, with a form where there is one; return the status, 0 for none, and what came as JSON or null. */
export async function ask(address, part, body) {
  const headers = { Accept: "application/json", "X-Part": part };
  const response = await fetch(address, body ? { method: "POST", headers, body } : { headers }).catch(() => null);
  return { status: response ? response.status : 0, answer: response && await response.json().catch(() => null) };
}

/** Return what follows from an answer without the part: wait and ask again, load the page again, or tell its sentence.
 *
 * The page is loaded again where that may help: whoever was signed out can sign in, a form that was open for too long is
 * renewed, and who is led to another page is to see that. Whoever may not do it is told so.
 */
export function afterRefusal(status, answer) {
  if (!status || status >= 500 || status === 429) return "wait";
  return answer && answer.error && ![400, 401].includes(status) ? "tell" : "load";
}

/** Loads a page again for an answer without the part, but once: the page that comes may get the same answer. */
export class Reload {
  constructor(storage, name, load) {
    Object.assign(this, { storage, name, load, begun: false });
  }

  /** Load the page again, and return whether it is; not after it was in vain. */
  again() {
    if (this.storage.getItem(this.name)) return false;
    this.storage.setItem(this.name, "yes");
    this.begun = true;
    this.load();
    return true;
  }

  /** The part came: another refusal later is another matter. */
  settled() {
    this.storage.removeItem(this.name);
  }
}
