// Times on the page, written in UTC by the server, in the zone of whoever reads them; also in parts that come later.
import { briefly, inFull } from "./clock.js";

const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
const yesterday = document.documentElement.dataset.yesterday;

function write(element) {
  const time = new Date(element.dateTime);
  if (Number.isNaN(time.getTime())) return;
  element.title = inFull(time, zone);
  element.textContent = element.dataset.time === "brief" ? briefly(time, new Date(), zone, yesterday) : element.title;
}

function writeAll(root) {
  for (const element of root.querySelectorAll("time[data-time]")) write(element);
}

writeAll(document);
new MutationObserver((changes) => {
  for (const change of changes) {
    for (const node of change.addedNodes) if (node.nodeType === Node.ELEMENT_NODE) writeAll(node);
  }
}).observe(document.body, { childList: true, subtree: true });
