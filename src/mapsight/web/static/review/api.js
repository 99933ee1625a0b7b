// What the page asks of the server.
export class Stale extends Error {
  constructor(current) {
    super("stale");
    this.current = current;
  }
}

async function ask(path, options = {}) {
  let answer;
  try {
    answer = await fetch(path, { ...options, credentials: "same-origin" });
  } catch {
    throw new Error("the server does not answer; is `mapsight review` still running?");
  }
  if (answer.status === 409) throw new Stale((await answer.json()).current);
  if (!answer.ok) {
    const said = await answer.json().catch(() => ({}));
    throw new Error(said.detail ?? `the server answered ${answer.status}`);
  }
  return answer.json();
}

export const getReview = () => ask("/api/review");
export const getFindings = () => ask("/api/findings");
export const getFinding = (id) => ask(`/api/findings/${encodeURIComponent(id)}`);
export const getVerdicts = (after) => ask(`/api/verdicts?after=${after}`);
export const getUndo = (reviewer) => ask(`/api/undo?reviewer=${encodeURIComponent(reviewer)}`);

// A verdict outlives its page: a browser that leaves finishes what is under way, up to 64 KiB of it (Fetch standard).
const MOST_KEPT_ALIVE = 60_000;
export function postVerdict(id, said) {
  const body = JSON.stringify(said),
    bytes = new TextEncoder().encode(body).length;
  return ask(`/api/findings/${encodeURIComponent(id)}/verdict`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body,
    keepalive: bytes < MOST_KEPT_ALIVE,
  });
}
