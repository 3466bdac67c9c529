/**
 * Server-sent events: text goes in as it arrives, the data of each complete event comes out.
 * An event without the blank line that ends it never happened.
 */
export class EventReader {
  #rest = "";
  #data = [];
  #endedWithCr = false;

  /** @param {string} piece @returns {string[]} the data of the events it completes */
  feed(piece) {
    if (piece === "") return [];
    const following = this.#endedWithCr && piece.startsWith("\n") ? piece.slice(1) : piece;
    this.#endedWithCr = piece.endsWith("\r");
    const lines = (this.#rest + following).split(/\r\n|\n|\r/);
    this.#rest = lines.pop();
    const events = [];
    for (const line of lines) {
      if (line === "") {
        if (this.#data.length > 0) events.push(this.#data.join("\n"));
        this.#data = [];
        continue;
      }
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      if (name === "data") this.#data.push(colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, ""));
    }
    return events;
  }
}
