// The message log: items are added once, the reader stays where they are, the end is kept when they were at the end.
import { $, counted } from "./dom.js";
import { paintDays, paintTimes } from "./times.js";

const NEAR = 120;
let unseen = 0, pinned = true;

export const currentLog = () => $("#log");
const isAtEnd = log => log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;

export function toEnd(log = currentLog()) {
  if (!log) return;
  log.scrollTop = log.scrollHeight;
  pinned = true;
  clearPill();
}

function clearPill() {
  unseen = 0;
  const pill = $("#log-pill");
  if (pill) pill.hidden = true;
}

/** Adds a server-rendered item. A ghost with the same token and an item with the same id give way to it. */
export function addItem(log, item) {
  const wasAtEnd = isAtEnd(log);
  const known = document.getElementById(item.id);
  if (known) {
    known.replaceWith(item);
  } else {
    const ghost = item.dataset.token && log.querySelector(`.pending[data-token="${CSS.escape(item.dataset.token)}"]`);
    if (ghost) ghost.replaceWith(item);
    else placeByTime(log, item);
    if (!ghost && !item.classList.contains("event")) item.classList.add("is-new");
    if (!wasAtEnd && !ghost && !item.classList.contains("event")) showPill(log);
  }
  window.htmx.process(item);
  paintTimes(item);
  paintDays(log);
  if (wasAtEnd) toEnd(log);
}

/** In the order of time, but always before the ghosts of messages on their way. */
function placeByTime(log, item) {
  const settled = [...log.children].filter(other => other.dataset.at && !other.classList.contains("pending"));
  const before = settled.findLast(other => other.dataset.at <= item.dataset.at);
  if (before) before.after(item);
  else log.prepend(item);
}

function showPill() {
  const pill = $("#log-pill");
  if (!pill) return;
  unseen += 1;
  pill.hidden = false;
  $("span", pill).textContent = counted("newMessages", unseen);
}

/** The agent's own message, at once; the event stream replaces it. */
export function addGhost({ token, kind, body, files, sending, author, noteLabel }) {
  const log = currentLog(), ghost = $("#ghost").content.firstElementChild.cloneNode(true);
  ghost.classList.add(kind === "note" ? "note" : "out", "pending");
  ghost.dataset.token = token;
  ghost.dataset.at = new Date().toISOString();
  $("[data-author]", ghost).textContent = author;
  $("[data-state]", ghost).textContent = sending;
  if (kind === "note") $(".chip", ghost).lastChild.textContent = noteLabel;
  else $(".chip", ghost).remove();
  const lines = $(".body", ghost);
  lines.textContent = body;
  if (!body) lines.remove();
  for (const name of files) $(".files", ghost).append(Object.assign(document.createElement("span"), { className: "file", textContent: name }));
  log.append(ghost);
  toEnd(log);
  return ghost;
}

/** Called for each thread that comes onto the page. */
export function startLog() {
  const log = currentLog();
  if (!log || log.dataset.started) return;
  log.dataset.started = "1";
  paintTimes(log);
  paintDays(log);
  toEnd(log);
  log.addEventListener("scroll", () => { pinned = isAtEnd(log); if (pinned) clearPill(); }, { passive: true });
  new ResizeObserver(() => pinned && toEnd(log)).observe(log);
  log.addEventListener("load", () => pinned && toEnd(log), true);
  $("#log-pill")?.addEventListener("click", () => { toEnd(log); log.focus({ preventScroll: true }); });
}
