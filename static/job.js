// A job on the page: listens to how far it is, moves its bar, and loads the page again when it is finished.

/** Return the words for how far a job is; the last ones come with the page that is loaded then. */
export function words(progress) {
  return progress.state === "running" ? `${progress.done} / ${progress.total}` : "";
}

/** Return whether nothing more will happen. */
export function finished(progress) {
  return progress.state !== "queued" && progress.state !== "running";
}

function listen(panel) {
  const source = new EventSource(panel.dataset.job);
  const bar = panel.querySelector("progress");
  source.addEventListener("message", (event) => {
    const progress = JSON.parse(event.data);
    if (bar) bar.value = progress.done;
    const shown = words(progress);
    if (shown) panel.querySelector("[data-words]").textContent = shown;
    if (finished(progress)) {
      source.close();
      location.reload();
    }
  });
}

if (typeof document !== "undefined") {
  for (const panel of document.querySelectorAll("[data-job]")) {
    if (["queued", "running"].includes(panel.dataset.state)) listen(panel);
  }
}
