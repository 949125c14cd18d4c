// Server-sent events (WHATWG HTML, 9.2), read from a fetch: an EventSource cannot send a token.

export interface Message {
  id: string;
  type: string;
  data: string;
}

/** Takes pieces of a stream and returns the messages that are complete. */
export class Messages {
  #rest = "";
  #id = "";

  take(piece: string): Message[] {
    this.#rest += piece;
    const found: Message[] = [];
    for (;;) {
      const end = /\r\n\r\n|\n\n|\r\r/.exec(this.#rest);
      if (end === null) return found;
      const block = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      const message = this.#read(block);
      if (message !== null) found.push(message);
    }
  }

  #read(block: string): Message | null {
    let type = "message";
    const data: string[] = [];
    for (const line of block.split(/\r\n|\n|\r/)) {
      if (line.startsWith(":")) continue;
      const colon = line.indexOf(":");
      const name = colon < 0 ? line : line.slice(0, colon);
      const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
      if (name === "data") data.push(value);
      if (name === "event") type = value;
      if (name === "id" && !value.includes("\0")) this.#id = value;
    }
    return data.length ? { id: this.#id, type, data: data.join("\n") } : null;
  }
}
