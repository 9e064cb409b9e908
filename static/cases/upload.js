// Sending images: one request each, a few at a time; the case is opened first, and other models are asked after it.
import { offerCamera } from "./camera.js";
import { lockDetails, showErrors } from "./details.js";
import { listenForFiles } from "./dropping.js";
import { Item } from "./item.js";
import { askEach, toAsk } from "./opinions.js";
import { mayOpen, nextToSend, summary, unsent } from "./queue.js";

const form = document.querySelector("form[data-new-case], form[data-case]");
const zone = form.querySelector("[data-drop]");
const input = zone.querySelector("input[type=file]");
const summaryLine = form.querySelector("[data-summary]");
const words = document.getElementById("queue-words").dataset;
const createButton = form.querySelector("[data-create]");
const openLink = form.querySelector("[data-open]");

let creating = false;
let asking = false;
let added = 0; // how many were ever added, so that what comes later stands later, whatever was removed
const asked = new Set(); // the images, by id, that other models were asked to read
const notAsked = []; // a sentence for each that cannot read
const items = [];
const queue = {
  items,
  place: form.dataset.case ? JSON.parse(form.dataset.case) : null, // the case with its addresses, once it is there
  next: () => { added += 1; return added - 1; },
  pump,
  report,
  words,
  input,
  list: form.querySelector("[data-queue]"),
  token: document.querySelector("meta[name=csrf-token]").content,
  limit: Number(zone.dataset.limit),
};

function pump() {
  // Send what may be sent now; sending changes an item's state, so that the next one is found.
  if (!queue.place) return;
  for (let item = nextToSend(items, Date.now()); item; item = nextToSend(items, Date.now())) item.send();
}

function report() {
  // Tell how far it is, once for everyone who listens.
  askOthers();
  openLink.hidden = asking || !mayOpen(items, Boolean(queue.place), form.dataset.newCase !== undefined);
  if (queue.place) createButton.hidden = true;
  // The focus does not stay on a button that is gone.
  if (!openLink.hidden && [document.body, createButton].includes(document.activeElement)) openLink.focus();
  summaryLine.textContent = queue.place ? [summary(items, words), ...notAsked].join(" ") : "";
}

async function askOthers() {
  // Who closes the page before can ask on the case's page, which is opened when all who were ticked have been asked.
  const images = queue.place ? toAsk(items, asked) : [];
  const boxes = [...form.querySelectorAll("[name=opinion]:checked")];
  if (!images.length || !boxes.length) return;
  for (const id of images) asked.add(id);
  asking = true;
  const { unanswered } = boxes[0].closest("fieldset").dataset;
  const names = boxes.map((box) => box.value);
  const { place, token } = queue;
  await askEach(names, place.opinions, token, (name, error) => notAsked.push(`${name}: ${error || unanswered}`));
  asking = false;
  report();
}

function add(files) {
  for (const file of files) items.push(new Item(queue, file, null));
  input.value = "";
  pump();
}

async function create() {
  // Open the case first; its images follow.
  if (creating || queue.place) return;
  creating = true;
  createButton.disabled = true;
  const body = new FormData(form);
  body.delete("image");
  try {
    const response = await fetch(form.action, { method: "POST", body, headers: { Accept: "application/json" } });
    const answer = await response.json();
    if (response.status === 201) {
      queue.place = answer;
      openLink.href = queue.place.url;
      lockDetails(form);
      showErrors(form, {});
      if (!items.length) location.assign(queue.place.url);
      pump();
      report();
    } else {
      showErrors(form, answer.errors || {});
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
  if (queue.place) pump(); else create();
});
for (const button of form.querySelectorAll("[data-draw]")) {
  button.addEventListener("click", (event) => {
    event.preventDefault();
    items.push(new Item(queue, null, button.dataset.draw));
    pump();
  });
}
input.addEventListener("change", () => add(input.files));
listenForFiles(zone, add);
window.addEventListener("beforeunload", (event) => { if (unsent(items)) event.preventDefault(); });
createButton.hidden = Boolean(queue.place);
offerCamera(form.querySelector("[data-camera]"), add);
