// A job on the page: listens to how far it is, moves its bar, and loads the page again when it is finished.
import { finished, untouched, words } from "./progress.js";

// Only what a review or a selection would lose; which view is on comes back by itself.
const TYPED = "textarea, .cell input";

// A reload would take the place of what is on its way, and a review's key would be lost with its page. Who is still here
// after a while has only fetched a file.
const ON_ITS_WAY_MS = 8000;
let left = -ON_ITS_WAY_MS;
window.addEventListener("submit", (event) => { if (!event.defaultPrevented) left = performance.now(); });
window.addEventListener("beforeunload", () => { left = performance.now(); });

function reload() {
  const wait = left + ON_ITS_WAY_MS - performance.now();
  if (wait > 0) setTimeout(reload, wait); else location.reload();
}

function listen(panel) {
  const source = new EventSource(panel.dataset.job);
  const bar = panel.querySelector("progress");
  const output = panel.querySelector("[data-words]");
  source.addEventListener("message", (event) => {
    const progress = JSON.parse(event.data);
    if (bar) bar.value = progress.done;
    const shown = words(progress, panel.dataset.running);
    if (shown) output.textContent = shown;
    if (!finished(progress)) return;
    source.close();
    if (untouched([...document.querySelectorAll(TYPED)])) { reload(); return; }
    const again = document.createElement("a");
    again.href = location.href;
    again.textContent = panel.dataset.finished;
    output.replaceChildren(again);
  });
}

for (const panel of document.querySelectorAll("[data-job]")) {
  if (!finished(panel.dataset)) listen(panel);
}
