// The notice of what was refused, at the head of the cells.

function element(tag, properties) {
  return Object.assign(document.createElement(tag), properties);
}

/** Draw the notice with these sentences and buttons, [words, what a press does], and return it; without a sentence there
 * is none. */
export function drawNotice(page, sentences, buttons) {
  let notice = document.getElementById("problem");
  if (!sentences.length) { if (notice) notice.remove(); return null; }
  if (!notice || notice.tagName !== "DIV") {
    if (notice) notice.remove(); // the server's, which a script cannot close
    notice = element("div", { id: "problem", className: "notice notice-error" });
    notice.setAttribute("role", "alert");
    page.prepend(notice);
  }
  const text = element("div", {});
  text.append(...sentences.map((textContent) => element("p", { className: "mb-0", textContent })));
  const side = element("div", { className: "notice-buttons" });
  for (const [textContent, press] of buttons) {
    const button = element("button", { type: "button", className: "btn btn-sm btn-secondary", textContent });
    button.addEventListener("click", press);
    side.append(button);
  }
  notice.replaceChildren(text, side);
  return notice;
}
