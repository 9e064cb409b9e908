// What the progress of a job means for the page that shows it.

/** Return the words for how far a running job is, or nothing: a waiting one has its own, a finished one a new page. */
export function words(progress, template) {
  if (progress.state !== "running") return "";
  return template.replace("{done}", progress.done).replace("{total}", progress.total).replace("{text}", progress.text);
}

/** Return whether nothing more will happen. */
export function finished(progress) {
  return progress.state !== "queued" && progress.state !== "running";
}

function untouched(field) {
  if (["checkbox", "radio"].includes(field.type)) return field.checked === field.defaultChecked;
  if (field.options) {
    // Of a list in which the page marks nothing the first is chosen.
    const marked = [...field.options].findLastIndex((option) => option.defaultSelected);
    return field.selectedIndex === Math.max(0, marked) || !field.options.length;
  }
  return field.value === field.defaultValue;
}

/** Return whether a page may be loaded again by itself: nothing was typed into the fields of its forms or chosen there,
 * nothing else on it is unfinished, and it is no answer to a form, which would be sent once more.
 */
export function mayLoadAgain(fields, unfinished, answersForm) {
  return !answersForm && !unfinished && fields.every(untouched);
}
