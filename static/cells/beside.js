// What stands beside the cells: a part of the page about the one that the pointer or the focus rests on.

const REST_MS = 160; // on a cell, before its part is asked for

export class Beside {
  /** `place`: the element to fill; links in it lead to other parts. */
  constructor(place) {
    Object.assign(this, { place, parts: new Map(), wanted: "", timer: 0 });
    place.addEventListener("click", (event) => {
      const link = event.target.closest("[data-part]");
      if (!link) return;
      event.preventDefault();
      this.show(link.dataset.part);
    });
  }

  /** What was fetched is of before an annotation: ask for it anew. */
  outdated() {
    this.parts.clear();
  }

  /** Show the part at an address if nothing else is asked for within a moment. */
  showSoon(address) {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.show(address), REST_MS);
  }

  async show(address) {
    if (!this.place.offsetParent) return; // no room for it on a phone
    this.wanted = address;
    if (!this.parts.has(address)) {
      const answer = await fetch(address, { headers: { "X-Part": "cell" } }).catch(() => null);
      if (!answer || !answer.ok || answer.redirected) return;
      this.parts.set(address, await answer.text());
    }
    if (this.wanted === address) this.place.innerHTML = this.parts.get(address);
  }
}
