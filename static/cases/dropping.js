// Files that are dropped on the page, or pasted into it.
export function listenForFiles(zone, add) {
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
  zone.classList.add("drop-ready");
}
