// The sentence that is chosen from the lab's list stands at the end of the field that the list belongs to. A pointer puts it
// in by choosing; with arrows a list goes past what is not meant, so that Enter or the button beside it does.
import { withSentence } from "./sentences.js";

const LISTS = "select[data-inserts-into]";
let pointed = false;

function insert(list) {
  pointed = false;
  if (!list.value) return;
  const field = document.getElementById(list.dataset.insertsInto);
  field.value = withSentence(field.value, list.value);
  list.value = "";
  field.focus();
}

document.addEventListener("pointerdown", (event) => { pointed = Boolean(event.target.closest(LISTS)); });
document.addEventListener("keydown", (event) => {
  pointed = false;
  const list = event.target.closest(LISTS);
  if (!list || !list.value || event.key !== "Enter") return;
  event.preventDefault();
  insert(list);
});
document.addEventListener("change", (event) => {
  const list = event.target.closest(LISTS);
  if (list && pointed) insert(list);
});
for (const button of document.querySelectorAll("[data-inserts]")) {
  button.addEventListener("click", () => insert(document.getElementById(button.dataset.inserts)));
  button.hidden = false;
}
