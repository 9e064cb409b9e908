// What was refused, each with the cells that it is about: it stands until a person acts on them, or closes it.

export class Refusals {
  /** `draw` gets the sentences whenever they change, and whether there is a new one. */
  constructor(draw) {
    this.draw = draw;
    this.cells = new Map(); // by sentence: the names of the cells that it is about
  }

  /** Tell a sentence; the same of other cells is told once. One of no cell stands until anything is done. */
  tell(sentence, names = []) {
    this.cells.set(sentence, new Set([...(this.cells.get(sentence) || []), ...names]));
    this.draw([...this.cells.keys()], true);
  }

  /** Take away what is about these cells alone: a person who acts on them has read it. */
  actedOn(names) {
    const before = this.cells.size;
    for (const [sentence, cells] of this.cells) {
      for (const name of names) cells.delete(name);
      if (!cells.size) this.cells.delete(sentence);
    }
    if (this.cells.size !== before) this.draw([...this.cells.keys()], false);
  }

  /** The names of all cells that something was refused of. */
  get names() {
    return [...new Set([...this.cells.values()].flatMap((names) => [...names]))];
  }

  close() {
    this.cells.clear();
    this.draw([], false);
  }
}
