// What a person said and the server has not taken down yet. Nothing is lost: it waits for the network, and for a page
// that was left and is opened again.

const AT_ONCE = 50; // acts in one request

/** Return the key of a cell after it was named once more: the field, the number, and the next version. */
export function following(key) {
  const [image, number, version] = key.split(".");
  return `${image}.${number}.${Number(version) + 1}`;
}

/** Return under which name a tab keeps what a person's page has not sent yet: nobody else sends it under theirs. */
export function storeOf(person, address) {
  return `unsaved ${person} ${address}`;
}

/** Return the name of the cell that a key is about. */
export function nameOf(key) {
  return key.split(".").slice(0, 2).join(".");
}

/** Acts in their order. `send` takes a list of them and answers { ok, ... }, or null where there was no answer, or
 * { stopped } where another try would have the same answer: then they wait until there is a further act.
 *
 * They go out one request at a time. A request of several that is refused is sent again act by act, so that only the
 * one that cannot be taken down is handed back, by `told`; `told` hears of every answer, with the acts that it is of.
 */
export class Queue {
  constructor({ send, told, changed, store, wait }) {
    Object.assign(this, { send, told, changed, store, wait });
    this.acts = store.load();
    this.busy = null;
    this.offline = false;
    this.singly = 0; // acts at the front that are sent one by one
  }

  get length() {
    return this.acts.length;
  }

  add(act) {
    this.acts.push(act);
    this.keep();
    return this.flush();
  }

  keep() {
    this.store.save(this.acts);
    this.changed(this);
  }

  /** Send what waits; resolves when nothing does. */
  flush() {
    if (!this.busy) this.busy = this.run().finally(() => { this.busy = null; });
    return this.busy;
  }

  async run() {
    while (this.acts.length) {
      const some = this.acts.slice(0, this.singly ? 1 : AT_ONCE);
      const answer = await this.send(some);
      this.offline = !answer;
      if (!answer) {
        this.changed(this);
        await this.wait();
        continue;
      }
      if (answer.stopped) {
        this.changed(this);
        return;
      }
      if (!answer.ok && some.length > 1) {
        this.singly = some.length;
        continue;
      }
      this.singly = Math.max(0, this.singly - some.length);
      this.acts.splice(0, some.length);
      this.keep();
      this.told(answer, some, this.acts);
    }
  }
}
