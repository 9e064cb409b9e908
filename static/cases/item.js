// One row of the queue: it is sent, told how it ended, tried again and taken out.
import { afterAnswer, notStored, rowsOf, shareSent, stateWords } from "./queue.js";
import { takeOut } from "./removal.js";

const PASTED = "pasted.png"; // a picture from the clipboard has no name of its own

export class Item {
  // A file or a drawing on its way in `queue`, or one picture of a file that holds several; `kind` is set for a drawing.
  // An item that is `unwanted` was taken back while it was read, which it is to the end: what is stored then is removed.
  constructor(queue, file, kind, given) {
    this.queue = queue;
    this.order = queue.next();
    this.unwanted = false;
    this.file = file;
    this.kind = kind;
    this.state = "waiting";
    this.tries = 0;
    this.row = document.getElementById("queue-row").content.firstElementChild.cloneNode(true);
    const name = file ? file.name || PASTED : `${queue.words.drawing}: ${(kind || "").replaceAll("_", " ")}`;
    this.row.querySelector(".queue-name").textContent = given || name;
    this.thumb = this.row.querySelector("img");
    this.progress = this.row.querySelector("progress");
    this.retry = this.row.querySelector("[data-retry]");
    this.retry.addEventListener("click", () => { this.tries = 0; this.set("waiting"); queue.pump(); });
    this.removal = this.row.querySelector("[data-remove]");
    this.removal.addEventListener("click", () => this.remove());
    if (file) {
      this.preview = URL.createObjectURL(file);
      // A TIFF has no preview: browsers cannot draw it until the server has read it.
      this.thumb.addEventListener("load", () => { this.thumb.hidden = false; });
      this.thumb.src = this.preview;
    }
    queue.list.append(this.row);
    this.set("waiting");
  }

  set(state, text) {
    this.state = state;
    this.row.dataset.state = state;
    const said = text || stateWords(state, Boolean(this.queue.place), this.queue.words);
    this.row.querySelector(".queue-state").textContent = said;
    this.progress.hidden = state !== "sending";
    this.retry.hidden = state !== "failed";
    this.removal.setAttribute("aria-disabled", String(this.unwanted || state === "removing"));
    this.queue.report();
  }

  send() {
    const { limit, place, pump, token, words } = this.queue;
    if (this.file && this.file.size > limit) { this.set("failed", words.tooLarge); this.retry.hidden = true; return; }
    this.set("sending");
    const body = new FormData();
    body.append("position", place.next + this.order); // the order of choosing, not of arriving
    if (this.confirmed) body.append(this.confirmed, "yes");
    if (this.kind) body.append("kind", this.kind); else body.append("image", this.file, this.file.name || PASTED);
    const request = new XMLHttpRequest();
    request.open("POST", this.kind ? place.drawings : place.images);
    request.setRequestHeader("Accept", "application/json");
    request.setRequestHeader("X-CSRFToken", token);
    request.responseType = "json";
    request.upload.addEventListener("progress", (event) => {
      const share = shareSent(event);
      if (share === null) return;
      this.progress.value = share;
      if (share < 1) return;
      this.progress.removeAttribute("value");
      if (!this.unwanted) this.row.querySelector(".queue-state").textContent = words.reading;
    });
    request.addEventListener("load", () => { this.answered(request); pump(); });
    request.addEventListener("error", () => { this.unwanted = false; this.set("failed", words.unanswered); pump(); });
    request.send(body);
  }

  answered(request) {
    const { pump, words } = this.queue;
    const answer = request.response || {};
    const rows = rowsOf(answer);
    if (rows) { this.unpack(rows); return; }
    const after = afterAnswer(request.status, this.tries, request.getResponseHeader("Retry-After"));
    const { state, seconds, reason } = after;
    if (this.unwanted && notStored(after, answer.error)) { this.discard(); return; }
    if (state === "done") this.stored(answer);
    else if (state === "failed") {
      this.unwanted = false; // it is not known whether it was stored, and a person has to read that
      // What looks like a person's name is sent once more only by who has read the warning.
      this.confirmed = answer.confirm;
      this.retry.textContent = answer.confirm ? words.keepName : words.retry;
      this.set("failed", reason === "signedOut" ? words.signedOut : answer.error || words[reason]);
    } else {
      this.tries += 1;
      this.notBefore = Date.now() + seconds * 1000;
      this.set("waiting", words.wait.replace("{n}", seconds));
      setTimeout(pump, seconds * 1000 + 20);
    }
  }

  unpack(rows) {
    // A file of several pictures gives way to a row for each of them, which is all there is to be done with it.
    const { input, items } = this.queue;
    const focused = this.row.contains(document.activeElement);
    const pictures = rows.map((row) => new Item(this.queue, null, null, row.name));
    this.row.replaceWith(...pictures.map((picture) => picture.row));
    items.splice(items.indexOf(this), 1, ...pictures);
    if (this.preview) URL.revokeObjectURL(this.preview);
    pictures.forEach((picture, number) => {
      picture.unwanted = this.unwanted;
      if (rows[number].state === "done") { picture.stored(rows[number].image); return; }
      if (this.unwanted) { picture.discard(); return; }
      picture.set("failed", rows[number].text);
      picture.retry.hidden = true; // it has no file of its own to be sent again
    });
    const [first] = pictures.filter((picture) => picture.row.isConnected);
    if (focused) (first ? first.removal : input).focus();
    this.queue.report();
  }

  stored(answer) {
    this.answer = answer;
    if (this.unwanted) this.takeOut(); else this.done(answer);
  }

  done(answer) {
    this.thumb.src = answer.thumbnail;
    this.thumb.hidden = false;
    this.row.dataset.outcome = answer.outcome;
    this.set("done", "");
    const link = document.createElement("a");
    link.href = answer.url;
    link.textContent = answer.words;
    const state = this.row.querySelector(".queue-state");
    state.replaceChildren(link);
    if (answer.steps.length) state.append(` ${answer.reasons.join(" ")} `, stepOf(answer));
    if (answer.drawn) this.row.classList.add("queue-drawn");
  }

  remove() {
    if (this.unwanted || this.state === "removing") return;
    // A request that is broken off may be read to its end all the same.
    if (this.state === "sending") { this.unwanted = true; this.set("sending", this.queue.words.removing); return; }
    if (this.answer) this.takeOut(); else this.discard();
  }

  async takeOut() {
    this.set("removing");
    const problem = await takeOut(this.answer.remove, this.queue.token, this.queue.words.notRemoved);
    this.unwanted = false;
    if (!problem) { this.discard(); return; }
    this.done(this.answer);
    this.row.querySelector(".queue-state").append(` ${problem}`);
  }

  discard() {
    const { input, items } = this.queue;
    if (this.preview) URL.revokeObjectURL(this.preview);
    const focused = this.row.contains(document.activeElement);
    const next = this.row.nextElementSibling || this.row.previousElementSibling;
    items.splice(items.indexOf(this), 1);
    this.row.remove();
    if (focused) (next ? next.querySelector("[data-remove]") : input).focus();
    this.queue.report();
    this.queue.pump();
  }
}

function stepOf(answer) {
  // What helps most after a refusal; the image's page has the rest.
  const [step] = answer.steps;
  const link = document.createElement("a");
  link.href = step.url || answer.url;
  link.className = "queue-step";
  link.textContent = step.words;
  return link;
}
