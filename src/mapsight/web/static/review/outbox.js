// What was said and is not yet known to be kept. It is written down before it is sent: a browser that leaves a page in
// that moment may drop the request, `keepalive` or not; the next page of this audit then sends it again.
export class Outbox {
  #key;
  #items;

  constructor(stamp) {
    this.#key = `mapsight-outbox-${stamp}`;
    this.#items = new Map(this.#read());
  }

  // [id, {said, revision}] of everything, the first first.
  get items() {
    return [...this.#items];
  }

  put(id, said, revision) {
    // the last word on a finding counts
    this.#items.delete(id);
    this.#items.set(id, { said, revision });
    this.#write((kept) => {
      kept.delete(id);
      kept.set(id, { said, revision });
    });
  }

  get(id) {
    return this.#items.get(id)?.said;
  }

  holds(id, said) {
    return this.get(id) === said;
  }

  drop(id, said) {
    if (!this.holds(id, said)) return;
    this.#items.delete(id);
    this.#write((kept) => {
      if (JSON.stringify(kept.get(id)?.said) === JSON.stringify(said)) kept.delete(id);
    });
  }

  #read() {
    try {
      return JSON.parse(localStorage.getItem(this.#key)) ?? [];
    } catch {
      return [];
    }
  }

  #write(change) {
    // on top of what another tab may have written
    try {
      const kept = new Map(this.#read());
      change(kept);
      if (kept.size) localStorage.setItem(this.#key, JSON.stringify([...kept]));
      else localStorage.removeItem(this.#key);
    } catch {
      /* a private window keeps nothing */
    }
  }
}
