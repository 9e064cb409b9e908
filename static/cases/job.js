// A job on the page: listens to how far it is, moves its bar, and loads the page again when it is finished.
import { listenTo } from "./listening.js";
import { finished, mayLoadAgain, words } from "./progress.js";

// What a person types or chooses to send it; how they look at the page comes back by itself.
const TYPED = "form[method=post] :is(input, textarea, select)";
// Files that are not in the case, a camera that is open, cells that are selected or on their way, a refusal to be read.
const UNFINISHED = ".queue-row:not([data-state=done]), [data-camera] [data-part=panel]:not([hidden]), "
  + "[data-selected], [aria-busy=true], [role=alert]";

// A reload would take the place of what is on its way, and a review's key would be lost with its page. Who is still here
// after a while has only fetched a file.
const ON_ITS_WAY_MS = 8000;
let left = -ON_ITS_WAY_MS;
window.addEventListener("submit", (event) => { if (!event.defaultPrevented) left = performance.now(); });
window.addEventListener("beforeunload", () => { left = performance.now(); });

function mayReload(panel) {
  const unfinished = document.querySelector(UNFINISHED) !== null;
  return mayLoadAgain([...document.querySelectorAll(TYPED)], unfinished, panel.dataset.again);
}

function offer(panel) {
  const again = document.createElement("a");
  again.href = panel.dataset.again || location.pathname + location.search; // with a place on the page nothing is loaded
  again.textContent = panel.dataset.finished;
  panel.querySelector("[data-words]").replaceChildren(again);
}

function end(panel) {
  // What is typed while this waits for what is on its way counts too.
  const wait = left + ON_ITS_WAY_MS - performance.now();
  if (!mayReload(panel)) offer(panel);
  else if (wait > 0) setTimeout(end, wait, panel);
  else location.reload();
}

function listen(panel) {
  const bar = panel.querySelector("progress");
  const output = panel.querySelector("[data-words]");
  listenTo(panel.dataset.job, (progress) => {
    if (bar) bar.value = progress.done;
    const shown = words(progress, panel.dataset.running);
    if (shown) output.textContent = shown;
    if (finished(progress)) end(panel);
    return finished(progress);
  });
}

for (const panel of document.querySelectorAll("[data-job]")) {
  if (!finished(panel.dataset)) listen(panel);
}
