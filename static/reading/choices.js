// What is chosen, as the links, buttons and sentences of the reading page say it.
import { gridOf, hasEvidence, mayAskMore, methodShown, methodsFor } from "./evidence.js";

const byId = (id) => document.getElementById(id);
const all = (selector) => document.querySelectorAll(selector);

export function setCurrent(link, current) {
  if (current) link.setAttribute("aria-current", "true"); else link.removeAttribute("aria-current");
}

export function showMap(data, { label, method: asked }) {
  // Say what is known of the map of the chosen class by the chosen method.
  if (!data.maps[label]) return;
  byId("no-evidence").hidden = hasEvidence(gridOf(data, label, asked));
  const [methods, method] = [methodsFor(data, label), methodShown(data, label, asked)];
  for (const group of all(".methods")) group.hidden = methods.length < 2;
  for (const link of all(".methods [data-method]")) {
    link.hidden = !methods.includes(link.dataset.method);
    setCurrent(link, link.dataset.method === method);
  }
}

export function showLabel(data, state, radios) {
  for (const radio of radios) radio.checked = radio.value === state.label;
  if (byId("maps-label")) {
    byId("maps-label").value = state.label;
    byId("maps-label").form.hidden = !mayAskMore(data, state.label);
  }
  showMap(data, state);
}
