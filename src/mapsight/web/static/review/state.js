// What the page knows: the findings, what people said of them, what is shown, which one is open.
export const VERDICTS = ["accept", "reject", "unsure"];
export const WORDS = {
  accept: "accepted",
  reject: "rejected",
  unsure: "unsure",
  none: "not judged",
};
const NOTHING = { verdict: "none", note: "", line: null, reviewer: "", time: "", revision: 0 };

export const ORDERS = {
  // name → what is compared of two findings; equal ones stay by falling score
  score: ["by score", null],
  spread: ["spread over the list", (f, a, b) => f.spread[a] - f.spread[b]],
  length: ["longest first", (f, a, b) => f.length_m[b] - f.length_m[a]],
};

export class State extends EventTarget {
  findings = { id: [], kind: [], class: [], score: [], length_m: [], bounds: [], spread: [] };
  numbers = new Map(); // id → number
  said = new Map(); // number → last verdict
  shown = []; // numbers that pass the filter, in the order chosen
  place = new Map(); // number → its place in `shown`
  current = -1;
  filter = emptyFilter();

  get count() {
    return this.findings.id.length;
  }

  load(findings) {
    this.findings = findings;
    this.numbers = new Map(findings.id.map((id, number) => [id, number]));
    this.applyFilter();
  }

  verdictOf(number) {
    return this.said.get(number) ?? NOTHING;
  }

  hasJudged(reviewer) {
    return [...this.said.values()].some(
      (said) => said.verdict !== "none" && said.reviewer === reviewer,
    );
  }

  take(verdicts) {
    const changed = [];
    for (const verdict of verdicts) {
      const number = this.numbers.get(verdict.id);
      if (number === undefined || this.verdictOf(number).revision >= verdict.revision) continue;
      this.said.set(number, verdict);
      changed.push(number);
    }
    if (changed.length) this.tell("said", changed);
  }

  open(number) {
    if (number < 0 || number >= this.count) return;
    this.current = number;
    this.tell("open", number);
  }

  // The next in the list, in either direction; `wanted` skips what does not matter.
  step(direction, wanted = () => true) {
    if (!this.shown.length) return -1;
    let at = this.place.get(this.current);
    if (at === undefined) {
      // the filter has taken it away: go on from where it stood
      const compare = ORDERS[this.filter.order][1],
        f = this.findings;
      const after = this.shown.findIndex(
        (n) => (compare?.(f, n, this.current) || n - this.current) > 0,
      );
      at = (after < 0 ? this.shown.length : after) - (direction > 0 ? 1 : 0);
    }
    for (let tries = 0; tries < this.shown.length; tries++) {
      at = (at + direction + this.shown.length) % this.shown.length;
      if (wanted(this.shown[at])) return this.shown[at];
    }
    return -1;
  }

  applyFilter() {
    const f = this.findings,
      { kinds, road, score, least, most, verdict } = this.filter;
    this.shown = [];
    for (let n = 0; n < this.count; n++) {
      if (kinds.size && !kinds.has(f.kind[n])) continue;
      if (road !== "*" && f.class[n] !== road) continue;
      if (f.score[n] < score || f.length_m[n] < least || f.length_m[n] > most) continue;
      const said = this.verdictOf(n).verdict;
      if (verdict !== "*" && (verdict === "judged" ? said === "none" : said !== verdict)) continue;
      this.shown.push(n);
    }
    const compare = ORDERS[this.filter.order][1];
    if (compare) this.shown.sort((a, b) => compare(f, a, b) || a - b);
    this.place = new Map(this.shown.map((number, place) => [number, place]));
    this.tell("filter");
  }

  countVerdicts() {
    const counts = { accept: 0, reject: 0, unsure: 0, none: 0 };
    for (const { verdict } of this.said.values()) counts[verdict]++;
    return { ...counts, judged: counts.accept + counts.reject + counts.unsure };
  }

  tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

export function emptyFilter() {
  return {
    kinds: new Set(),
    road: "*",
    score: 0,
    least: 0,
    most: Infinity,
    verdict: "*",
    order: "score",
  };
}
