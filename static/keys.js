// Keys of a page: elements name theirs in data-key; ? shows the list.
document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input:not([type=checkbox]):not([type=radio]), textarea, select")) return;
  const dialog = document.getElementById("keys");
  if (event.key === "?" && dialog) {
    event.preventDefault();
    if (dialog.open) dialog.close(); else dialog.showModal();
    return;
  }
  if (dialog && dialog.open) return;
  const target = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
  if (!target || (event.target.closest("[role=img]") && event.key.startsWith("Arrow"))) return;
  event.preventDefault();
  if (target.matches("input, textarea")) target.focus(); else target.click();
});
