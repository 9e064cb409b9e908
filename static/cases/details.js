// What is typed of a new case: the sentences of a refusal at its fields, and the end of typing once the case is there.
export function showErrors(form, errors) {
  // Put each sentence at its field, in the place of the hint, and the focus on the first of these fields.
  for (const field of form.querySelectorAll("[data-hint]")) {
    const name = field.id.replace("-hint", "");
    const control = document.getElementById(name);
    const text = errors[name];
    field.textContent = text || field.dataset.hint;
    field.className = text ? "field-error" : "field-hint";
    control.classList.toggle("is-invalid", Boolean(text));
    control.setAttribute("aria-invalid", String(Boolean(text)));
  }
  const first = Object.keys(errors)[0];
  const control = first && document.getElementById(first);
  if (control) control.focus();
}

export function lockDetails(form) {
  // They are the case's now, and what is typed here would be sent nowhere.
  for (const control of form.querySelectorAll("[data-details] :is(input, textarea)")) control.readOnly = true;
  for (const control of form.querySelectorAll("[data-details] :is(select, [type=radio]:not(:checked))")) {
    control.disabled = true;
  }
}
