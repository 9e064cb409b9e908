// Listening to a job: again where the server refused, for an EventSource gives up at the first answer that is an error.

const FIRST_MS = 2000;
const MOST_MS = 60000;

/** Return after how many milliseconds to listen again: the more often it was refused, the longer. */
export function pause(refusals) {
  return Math.min(MOST_MS, FIRST_MS * 2 ** refusals);
}

/** Hand everything that comes from an address to `heard`, until that returns true. */
export function listenTo(address, heard, { Source = EventSource, later = setTimeout } = {}) {
  let refusals = 0;

  function listen() {
    const source = new Source(address);
    source.addEventListener("message", (event) => {
      refusals = 0;
      if (heard(JSON.parse(event.data))) source.close();
    });
    source.addEventListener("error", () => {
      if (source.readyState !== Source.CLOSED) return; // a connection that broke: it comes back by itself
      later(listen, pause(refusals));
      refusals += 1;
    });
  }
  listen();
}
