// The lab's sentences below a field.

/** Return a text with a sentence after it, on a line of its own where there is a text. */
export function withSentence(text, sentence) {
  return [text.trimEnd(), sentence].filter(Boolean).join("\n");
}
