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

/** Return whether a form's fields are as the page came, so that loading it again loses nothing. */
export function untouched(fields) {
  return fields.every((field) => ("checked" in field && ["checkbox", "radio"].includes(field.type)
    ? field.checked === field.defaultChecked
    : field.defaultValue === undefined || field.value === field.defaultValue));
}
