// Taking an image out of its case again.

/** Take an image out by its address; return what to tell where it is still there, nothing where it is out. */
export async function takeOut(address, token, unanswered) {
  const headers = { Accept: "application/json", "X-CSRFToken": token };
  const response = await fetch(address, { method: "POST", headers }).catch(() => null);
  // Of what is not found somebody else was quicker; who is led elsewhere has removed nothing.
  if (response && !response.redirected && (response.ok || response.status === 404)) return "";
  const answer = response ? await response.json().catch(() => ({})) : {};
  return answer.error || unanswered;
}
