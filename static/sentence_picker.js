// The sentence that is chosen from the lab's list stands at the end of the field that the list belongs to.
import { withSentence } from "./sentences.js";

document.addEventListener("change", (event) => {
  const list = event.target.closest("select[data-inserts-into]");
  if (!list || !list.value) return;
  const field = document.getElementById(list.dataset.insertsInto);
  field.value = withSentence(field.value, list.value);
  list.value = "";
  field.focus();
});
