// What was said and is not yet known to be kept. It is written down before it is sent: a browser that leaves a page in
// that moment may drop the request, `keepalive` or not; the next page of this audit then sends it again.
export class Outbox {
  #key; #items;

  constructor(stamp) {
    this.#key = `mapsight-outbox-${stamp}`;
    this.#items = new Map(read(this.#key));
  }

  // [id, {said, revision}] of everything, the first first.
  get items() { return [...this.#items]; }

  put(id, said, revision) { // the last word on a finding counts
    this.#items.delete(id);
    this.#items.set(id, { said, revision });
    this.#write();
  }

  get(id) { return this.#items.get(id)?.said; }

  holds(id, said) { return this.get(id) === said; }

  drop(id, said) {
    if (this.holds(id, said)) { this.#items.delete(id); this.#write(); }
  }

  #write() {
    try {
      if (this.#items.size) localStorage.setItem(this.#key, JSON.stringify(this.items));
      else localStorage.removeItem(this.#key);
    } catch { /* a private window keeps nothing */ }
  }
}

function read(key) {
  try { return JSON.parse(localStorage.getItem(key)) ?? []; } catch { return []; }
}
