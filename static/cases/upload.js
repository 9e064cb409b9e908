// Sending images: one request each, a few at a time, with progress, retry and removal.
import { offerCamera } from "./camera.js";
import { askEach, toAsk } from "./opinions.js";
import { afterAnswer, mayOpen, nextToSend, notStored, rowsOf, shareSent, stateWords, summary, unsent } from "./queue.js";
import { takeOut } from "./removal.js";

const form = document.querySelector("form[data-new-case], form[data-case]");
const zone = form.querySelector("[data-drop]");
const input = zone.querySelector("input[type=file]");
const list = form.querySelector("[data-queue]");
const summaryLine = form.querySelector("[data-summary]");
const words = document.getElementById("queue-words").dataset;
const createButton = form.querySelector("[data-create]");
const openLink = form.querySelector("[data-open]");
const token = document.querySelector("meta[name=csrf-token]").content;
const limit = Number(zone.dataset.limit);
const PASTED = "pasted.png"; // a picture from the clipboard has no name of its own

let place = form.dataset.case ? JSON.parse(form.dataset.case) : null;
let creating = false;
let asking = false;
let added = 0; // how many were ever added, so that what comes later stands later, whatever was removed
const asked = new Set(); // the images, by id, that other models were asked to read
const notAsked = []; // a sentence for each that cannot read
const items = [];

class Item {
  // A file or a drawing on its way, or one picture of a file that holds several; `kind` is set for a drawing. An item that
  // is `unwanted` was taken back while it was read, which it is to the end: what is stored of it then is removed.
  constructor(file, kind, given) {
    this.order = added;
    added += 1;
    this.unwanted = false;
    this.file = file;
    this.kind = kind;
    this.state = "waiting";
    this.tries = 0;
    this.row = document.getElementById("queue-row").content.firstElementChild.cloneNode(true);
    const name = file ? file.name || PASTED : `${words.drawing}: ${(kind || "").replaceAll("_", " ")}`;
    this.row.querySelector(".queue-name").textContent = given || name;
    this.thumb = this.row.querySelector("img");
    this.progress = this.row.querySelector("progress");
    this.retry = this.row.querySelector("[data-retry]");
    this.retry.addEventListener("click", () => { this.tries = 0; this.set("waiting"); pump(); });
    this.removal = this.row.querySelector("[data-remove]");
    this.removal.addEventListener("click", () => this.remove());
    if (file) {
      this.preview = URL.createObjectURL(file);
      // A TIFF has no preview: browsers cannot draw it until the server has read it.
      this.thumb.addEventListener("load", () => { this.thumb.hidden = false; });
      this.thumb.src = this.preview;
    }
    list.append(this.row);
    this.set("waiting");
  }

  set(state, text) {
    this.state = state;
    this.row.dataset.state = state;
    this.row.querySelector(".queue-state").textContent = text || stateWords(state, Boolean(place), words);
    this.progress.hidden = state !== "sending";
    this.retry.hidden = state !== "failed";
    this.removal.setAttribute("aria-disabled", String(this.unwanted || state === "removing"));
    report();
  }

  send() {
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
    const focused = this.row.contains(document.activeElement);
    const pictures = rows.map((row) => new Item(null, null, row.name));
    this.row.replaceWith(...pictures.map((picture) => picture.row));
    items.splice(items.indexOf(this), 1, ...pictures);
    if (this.preview) URL.revokeObjectURL(this.preview);
    pictures.forEach((picture, place) => {
      picture.unwanted = this.unwanted;
      if (rows[place].state === "done") { picture.stored(rows[place].image); return; }
      if (this.unwanted) { picture.discard(); return; }
      picture.set("failed", rows[place].text);
      picture.retry.hidden = true; // it has no file of its own to be sent again
    });
    const [first] = pictures.filter((picture) => picture.row.isConnected);
    if (focused) (first ? first.removal : input).focus();
    report();
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
    if (this.state === "sending") { this.unwanted = true; this.set("sending", words.removing); return; }
    if (this.answer) this.takeOut(); else this.discard();
  }

  async takeOut() {
    this.set("removing");
    const problem = await takeOut(this.answer.remove, token, words.notRemoved);
    this.unwanted = false;
    if (!problem) { this.discard(); return; }
    this.done(this.answer);
    this.row.querySelector(".queue-state").append(` ${problem}`);
  }

  discard() {
    if (this.preview) URL.revokeObjectURL(this.preview);
    const focused = this.row.contains(document.activeElement);
    const next = this.row.nextElementSibling || this.row.previousElementSibling;
    items.splice(items.indexOf(this), 1);
    this.row.remove();
    if (focused) (next ? next.querySelector("[data-remove]") : input).focus();
    report();
    pump();
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

function pump() {
  // Send what may be sent now; sending changes an item's state, so that the next one is found.
  if (!place) return;
  for (let item = nextToSend(items, Date.now()); item; item = nextToSend(items, Date.now())) item.send();
}

function report() {
  // Tell how far it is, once for everyone who listens.
  askOthers();
  openLink.hidden = asking || !mayOpen(items, Boolean(place), form.dataset.newCase !== undefined);
  if (place) createButton.hidden = true;
  // The focus does not stay on a button that is gone.
  if (!openLink.hidden && [document.body, createButton].includes(document.activeElement)) openLink.focus();
  summaryLine.textContent = place ? [summary(items, words), ...notAsked].join(" ") : "";
}

async function askOthers() {
  // Who closes the page before can ask on the case's page, which is opened when all who were ticked have been asked.
  const images = place ? toAsk(items, asked) : [];
  const boxes = [...form.querySelectorAll("[name=opinion]:checked")];
  if (!images.length || !boxes.length) return;
  for (const id of images) asked.add(id);
  asking = true;
  const { unanswered } = boxes[0].closest("fieldset").dataset;
  const names = boxes.map((box) => box.value);
  await askEach(names, place.opinions, token, (name, error) => notAsked.push(`${name}: ${error || unanswered}`));
  asking = false;
  report();
}

function add(files) {
  for (const file of files) items.push(new Item(file, null));
  input.value = "";
  pump();
}

function showErrors(errors) {
  for (const field of form.querySelectorAll("[data-hint]")) {
    const name = field.id.replace("-hint", "");
    const control = document.getElementById(name);
    const text = errors[name];
    field.textContent = text || field.dataset.hint;
    field.className = text ? "field-error" : "field-hint";
    control.classList.toggle("is-invalid", Boolean(text));
    control.setAttribute("aria-invalid", String(Boolean(text)));
  }
  const first = Object.keys(errors)[0];
  const control = first && document.getElementById(first);
  if (control) control.focus();
}

function lockDetails() {
  // They are the case's now, and what is typed here would be sent nowhere.
  for (const control of form.querySelectorAll("[data-details] :is(input, textarea)")) control.readOnly = true;
  for (const control of form.querySelectorAll("[data-details] :is(select, [type=radio]:not(:checked))")) {
    control.disabled = true;
  }
}

async function create() {
  // Open the case first; its images follow.
  if (creating || place) return;
  creating = true;
  createButton.disabled = true;
  const body = new FormData(form);
  body.delete("image");
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const answer = await response.json();
    if (response.status === 201) {
      place = answer;
      openLink.href = place.url;
      lockDetails();
      showErrors({});
      if (!items.length) location.assign(place.url);
      pump();
      report();
    } else {
      showErrors(answer.errors || {});
      if (answer.confirmed) form.querySelector("[name=confirmed]").value = answer.confirmed;
      if (!answer.errors) summaryLine.textContent = answer.error || words.caseUnanswered;
    }
  } catch {
    summaryLine.textContent = words.caseUnanswered;
  } finally {
    creating = false;
    createButton.disabled = false;
  }
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  if (event.submitter && event.submitter.dataset.draw) return;
  if (place) pump(); else create();
});
for (const button of form.querySelectorAll("[data-draw]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    items.push(new Item(null, button.dataset.draw));
    pump();
  });
}
input.addEventListener("change", () => add(input.files));
for (const name of ["dragenter", "dragover"]) {
  zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.add("drop-over"); });
}
for (const name of ["dragleave", "drop"]) zone.addEventListener(name, () => zone.classList.remove("drop-over"));
zone.addEventListener("drop", (event) => { event.preventDefault(); add(event.dataTransfer.files); });
// A file dropped beside the zone must not replace the page and lose what is being sent.
for (const name of ["dragover", "drop"]) window.addEventListener(name, (event) => event.preventDefault());
document.addEventListener("paste", (event) => {
  if (event.clipboardData && event.clipboardData.files.length) add(event.clipboardData.files);
});
window.addEventListener("beforeunload", (event) => { if (unsent(items)) event.preventDefault(); });
zone.classList.add("drop-ready");
createButton.hidden = Boolean(place);
offerCamera(form.querySelector("[data-camera]"), add);
