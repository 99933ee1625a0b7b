// The page of `mapsight review`: everything meets here.
import {
  getFinding,
  getFindings,
  getReview,
  getUndo,
  getVerdicts,
  postVerdict,
  Stale,
} from "./api.js";
import { drawHistory, showDetails, showHead } from "./detail.js";
import { $, el } from "./dom.js";
import { Editor } from "./edit.js";
import { makeFilters } from "./filters.js";
import { makeKeys } from "./keys.js";
import { makeLegend } from "./legend.js";
import { makeList } from "./list.js";
import { remember } from "./memory.js";
import { Outbox } from "./outbox.js";
import { State, VERDICTS, WORDS } from "./state.js";

const LABELS = { accept: "Accept", reject: "Reject", unsure: "Unsure" };
const POLL_MS = 4000,
  SAID_MS = 6000;
const state = new State();
const drafts = new Map(); // number → {note?, line?}: what was changed here and is not kept yet
const waiting = new Set(); // what was said and is queued or under way
let page = null,
  editor = null,
  outbox = null,
  stamp = "",
  mark = 0,
  told = null,
  underWay = null,
  queue = Promise.resolve();

let silence = 0;
function say(words, lasting = false) {
  $("said").textContent = words;
  clearTimeout(silence);
  if (!lasting)
    silence = setTimeout(() => {
      $("said").textContent = "";
    }, SAID_MS);
}
const reviewer = () => $("reviewer").value.trim();
const name = (number) => `No. ${(number + 1).toLocaleString("en")}`;
const isNoting = () => document.activeElement === $("note");
const idOf = (number) => state.findings.id[number];
const draftOf = (number) => {
  const { note, line } = state.verdictOf(number);
  return { note, line, ...drafts.get(number) };
};
const change = (number, part) => drafts.set(number, { ...drafts.get(number), ...part });
function forget(number, said) {
  // what is kept is no draft any more; what was typed since then still is
  const rest = Object.entries(drafts.get(number) ?? {}).filter(
    ([name, value]) => value !== said[name],
  );
  if (rest.length) drafts.set(number, Object.fromEntries(rest));
  else drafts.delete(number);
}

async function start() {
  const [review, findings, verdicts] = await Promise.all([
    getReview(),
    getFindings(),
    getVerdicts(0),
  ]);
  $("image-name").textContent = $("image-name").title = review.image;
  $("reviewer").value = remember("mapsight-reviewer") ?? review.reviewer;
  $("reviewer").addEventListener("change", () => {
    remember("mapsight-reviewer", reviewer());
    showVerdict();
  });
  state.load(findings);
  mark = verdicts.mark;
  state.take(verdicts.verdicts);
  stamp = review.stamp;
  outbox = new Outbox(stamp);
  makeLegend();
  makeVerdicts();
  makeFilters(state, review);
  makeList(state);
  makeKeys({
    judge,
    undo,
    step,
    edit,
    focusNote,
    toggleLayer: (name) => page?.toggleLayer(name),
    toggleSwipe: () => page?.toggleSwipe(),
    editor: () => editor,
  });
  state.addEventListener("open", ({ detail }) => open(detail));
  state.addEventListener("said", ({ detail }) => heard(detail));
  state.addEventListener("filter", () => {
    if (state.current >= 0) showHead(state, state.current);
  });
  count();
  for (const note of review.notes) say(note);
  sendAgain();
  const wanted = state.numbers.get(location.hash.slice(1));
  const first = state.shown.find((n) => state.verdictOf(n).verdict === "none") ?? 0;
  state.open(wanted ?? first);
  performance.mark("first-finding"); // it can be read and judged; the map is still on its way
  $("note").addEventListener("input", (event) =>
    change(state.current, { note: event.target.value }),
  );
  $("note").addEventListener("change", saveDraft);
  addEventListener("pagehide", leave);
  setInterval(poll, POLL_MS);
  await drawMap(review);
  document.body.dataset.ready = "true";
  addEventListener("hashchange", () => {
    const n = state.numbers.get(location.hash.slice(1));
    if (n !== undefined && n !== state.current) {
      saveDraft();
      state.open(n);
    }
  });
}

// Without WebGL there is no map; the list, the evidence and the verdicts do without.
async function drawMap(review) {
  try {
    const { makeMap } = await import("./map.js");
    page = makeMap(state, review);
    editor = new Editor(page.map);
    page.map.once("idle", () => performance.mark("map-drawn"));
    page.flyTo(state.current);
    if (told) showLine();
  } catch (error) {
    $("map-note").textContent =
      `The map cannot be drawn in this browser (${String(error.message).slice(0, 120)}); everything else works.`;
    $("map-note").hidden = false;
  }
}

async function open(number) {
  editor?.finish(false);
  history.replaceState(null, "", `#${idOf(number)}`);
  told = null;
  showHead(state, number);
  showVerdict();
  showLine();
  $("details").setAttribute("aria-busy", "true");
  const answer = await getFinding(idOf(number)).catch((error) => error);
  if (state.current !== number) return;
  if (answer instanceof Error) {
    $("details").replaceChildren(); // rather none than another finding's
    say(answer.message);
  } else {
    told = answer;
    showDetails(told, stamp, jump);
    showLine();
    performance.mark("first-evidence");
  }
  $("details").removeAttribute("aria-busy");
}

function makeVerdicts() {
  const keys = { accept: "a", reject: "r", unsure: "u" };
  $("verdicts").append(
    el(
      "div",
      {},
      ...VERDICTS.map((verdict) =>
        el(
          "button",
          {
            type: "button",
            class: verdict,
            "data-verdict": verdict,
            onclick: () => judge(verdict),
          },
          LABELS[verdict],
          " ",
          el("kbd", {}, keys[verdict]),
        ),
      ),
    ),
    el(
      "div",
      {},
      el(
        "button",
        { type: "button", id: "undo", onclick: undo, disabled: true },
        "Undo ",
        el("kbd", {}, "z"),
      ),
      el("button", { type: "button", id: "edit", onclick: edit }, "Edit line ", el("kbd", {}, "e")),
      el("button", { type: "button", onclick: () => step(-1) }, "Back ", el("kbd", {}, "k")),
      el("button", { type: "button", onclick: () => step(1) }, "Next ", el("kbd", {}, "j")),
    ),
  );
}

function showVerdict() {
  const said = state.verdictOf(state.current).verdict;
  for (const button of $("verdicts").querySelectorAll("[data-verdict]"))
    button.setAttribute("aria-pressed", button.dataset.verdict === said);
  $("undo").disabled = !state.hasJudged(reviewer());
  const { note } = draftOf(state.current);
  if ($("note").value !== note) $("note").value = note;
}

function showLine() {
  const drawn = draftOf(state.current).line,
    lines = [];
  if (told?.shape) lines.push(...told.shape.map((line) => ({ role: "finding", line })));
  if (drawn) lines.push({ role: "edited", line: drawn });
  page?.showOpen(lines);
  $("edit").disabled = !told?.line || !editor;
}

// One after the other, so that two quick keys never meet on one revision.
function judge(verdict) {
  const number = state.current;
  if (editor?.busy) {
    change(number, { line: editor.line });
    editor.finish(false);
  }
  const draft = draftOf(number),
    before = outbox.get(idOf(number));
  if (
    waiting.has(before) &&
    before.verdict === verdict &&
    before.note === draft.note &&
    before.line === draft.line
  )
    return queue; // the same key twice
  queue = keepNext(number, { verdict, ...draft, reviewer: reviewer() }).then((kept) => {
    if (!kept || state.current !== number || isNoting()) return; // a note that is begun belongs to this finding
    const next = state.step(1, (n) => state.verdictOf(n).verdict === "none");
    if (next >= 0) state.open(next);
    else {
      showVerdict();
      say("All findings shown are judged.");
    }
  });
  return queue;
}

// The server knows what this person said last, before the page was loaded, too.
function undo() {
  if (!reviewer()) {
    say("Undo needs your name, at the top: it takes back what you said, and nobody else.");
    return queue;
  }
  queue = queue
    .then(async () => {
      const { undo: before } = await getUndo(reviewer());
      const number = state.numbers.get(before?.id);
      if (number === undefined) {
        say("There is nothing to undo.");
        return;
      }
      const { verdict, note, line, revision } = before;
      if (await keep(number, { verdict, note, line, reviewer: reviewer() }, revision)) {
        drafts.delete(number);
        if (isNoting()) showVerdict();
        else state.open(number);
        say(`Undone: ${name(number)} is ${WORDS[before.verdict]} again.`);
      }
    })
    .catch((error) => say(`Not undone: ${error.message}`));
  return queue;
}

// A note or a line that comes after its verdict belongs to it.
async function saveDraft() {
  const number = state.current,
    { verdict, note, line } = state.verdictOf(number),
    draft = draftOf(number);
  if (verdict === "none" || (note === draft.note && line === draft.line)) return;
  queue = keepNext(number, { verdict, ...draft, reviewer: reviewer() });
  await queue;
}

// Behind what is under way; the last word on a finding counts.
function keepNext(number, said) {
  const id = idOf(number);
  outbox.put(id, said, state.verdictOf(number).revision + (underWay === number ? 1 : 0));
  waiting.add(said);
  return queue.then(() => keepIfWanted(number, said));
}

function keepIfWanted(number, said, revision) {
  if (outbox.holds(idOf(number), said)) return keep(number, said, revision);
  waiting.delete(said);
  return false;
}

// What could not be brought home before, by this page or by an earlier one.
function sendAgain() {
  for (const [id, { said, revision }] of outbox.items) {
    const number = state.numbers.get(id);
    if (number === undefined || waiting.has(said)) continue;
    waiting.add(said);
    queue = queue.then(() =>
      keepIfWanted(number, said, Math.min(revision, state.verdictOf(number).revision)),
    );
  }
}

// The page is left, perhaps for good: what stands in the queue goes out at once.
function leave() {
  if (!outbox.get(idOf(state.current))) saveDraft();
  for (const [id, { said, revision }] of outbox.items)
    if (!sent.has(said)) postVerdict(id, { ...said, revision }).catch(() => {});
}

const sent = new WeakSet();
const isSame = (body, kept) =>
  kept.revision === body.revision + 1 &&
  ["verdict", "note", "reviewer"].every((key) => kept[key] === body[key]);

// Say it to the server; nothing is shown as kept before the server has it.
async function keep(number, said, revision = state.verdictOf(number).revision) {
  const id = idOf(number),
    body = { ...said, revision };
  underWay = number;
  sent.add(said);
  try {
    const kept = await postVerdict(id, body).catch((error) => {
      // it was kept before: sent twice, by a page that was left
      if (error instanceof Stale && isSame(body, error.current)) return error.current;
      throw error;
    });
    outbox.drop(id, said);
    forget(number, said);
    state.take([kept]);
    say(`${name(number)} ${WORDS[said.verdict]}.`);
    return true;
  } catch (error) {
    if (error instanceof Stale) {
      outbox.drop(id, said);
      return settle(number, said, error.current);
    }
    say(`Not kept yet, tried again soon: ${error.message}`, true);
    return false;
  } finally {
    underWay = null;
    waiting.delete(said);
  }
}

// Somebody was quicker: both are shown, and a person decides.
function settle(number, mine, theirs) {
  state.take([theirs]);
  const column = (title, said) =>
    el(
      "section",
      {},
      el("h3", {}, title),
      el(
        "p",
        {},
        el("strong", {}, WORDS[said.verdict]),
        said.reviewer ? ` by ${said.reviewer}` : "",
      ),
      said.note ? el("p", {}, el("q", {}, said.note)) : el("p", { class: "fine" }, "no note"),
      said.line ? el("p", { class: "fine" }, "with a redrawn line") : "",
    );
  return new Promise((resolve) => {
    const dialog = $("conflict");
    const close = (answer) => {
      dialog.close();
      resolve(answer);
    };
    dialog.replaceChildren(
      el("h2", { id: "conflict-title" }, "Somebody else has judged this finding"),
      el("div", { class: "both" }, column("Theirs", theirs), column("Yours", mine)),
      el(
        "div",
        { class: "row-of-buttons" },
        el(
          "button",
          {
            type: "button",
            onclick: () => {
              drafts.delete(number);
              showVerdict();
              close(false);
            },
          },
          "Keep theirs",
        ),
        el(
          "button",
          { type: "button", onclick: async () => close(await keep(number, mine)) },
          "Use mine instead",
        ),
      ),
    );
    dialog.oncancel = () => resolve(false);
    dialog.showModal();
  });
}

function heard(numbers) {
  count();
  if (state.filter.verdict !== "*") state.applyFilter();
  if (!numbers.includes(state.current)) return;
  showVerdict();
  getFinding(idOf(state.current))
    .then((answer) => {
      if (told?.id === answer.id) {
        told = answer;
        $("history")?.replaceWith(drawHistory(answer.history));
        showLine();
      }
    })
    .catch(() => {});
}

async function poll() {
  if (document.hidden) return;
  try {
    const answer = await getVerdicts(mark);
    mark = answer.mark;
    await queue; // or this page's own verdict is heard of before the page has moved on, and the next key meets it again
    state.take(answer.verdicts);
    sendAgain();
  } catch (error) {
    if (!outbox.items.length) say(error.message);
  }
}

function count() {
  const counts = state.countVerdicts(),
    number = (n) => n.toLocaleString("en");
  $("progress").max = Math.max(state.count, 1);
  $("progress").value = counts.judged;
  $("counts").textContent =
    `${number(counts.judged)} of ${number(state.count)} judged · ${number(counts.accept)} accepted · ${number(counts.reject)} rejected · ${number(counts.unsure)} unsure`;
}

async function edit() {
  if (!told?.line || !editor || editor.busy) return;
  const number = state.current;
  try {
    page.showOpen([]);
    const line = await editor.edit(draftOf(number).line ?? told.line);
    if (line && line.length > 1 && state.current === number) {
      change(number, { line });
      say("The line is redrawn; it is kept with your verdict.");
      saveDraft();
    }
  } catch (error) {
    say(error.message);
  }
  if (state.current === number) showLine();
}

function step(direction) {
  const next = state.step(direction);
  if (next >= 0) state.open(next);
}

function focusNote() {
  $("note").focus();
}

async function jump(josm) {
  try {
    await fetch(josm, { mode: "no-cors" });
    say("JOSM has been asked to load the place.");
  } catch {
    say("JOSM does not answer at 127.0.0.1:8111; is it running, with remote control switched on?");
  }
}

start().catch((error) => {
  $("title").textContent = "The findings cannot be shown";
  say(error.message, true);
});
