// The list of tickets: which row belongs to the view, where it stands, and what waits while someone is using the list.
import { $, $$, counted, parse, text } from "./dom.js";
import { draftOf } from "./drafts.js";
import { paintTimes } from "./times.js";

const SEGMENTS = { open: ["new", "open"], waiting: ["waiting_customer", "waiting_other"], done: ["solved", "closed"] };
const waiting = new Map();

const list = () => $("#list");
const rows = () => $("#rows");
const openTicket = () => $("#thread")?.dataset.ticket ?? "";

function belongs(row) {
  const { view, segment } = list().dataset, { assignee, category, team } = row.dataset;
  if (!SEGMENTS[segment].includes(category)) return false;
  if (view === "my") return assignee === document.body.dataset.user;
  if (view === "unassigned") return assignee === "";
  if (view.startsWith("team/")) return team === view.slice(5);
  return true;
}

/** Someone points at the list or is in it with the keyboard: nothing may move under their hand. */
const isBusy = () => list().matches(":hover") || list().contains(document.activeElement);

/** A row as the server sees it now. Its content changes at once; its place only while nobody uses the list. */
export function takeRow(html) {
  const [row] = parse(html);
  if (!row || !list()) return;
  const known = document.getElementById(row.id);
  const isOpen = row.dataset.ticket === openTicket();
  if (!isOpen && (row.hasAttribute("data-incoming") || known?.hasAttribute("data-unread"))) row.setAttribute("data-unread", "");
  dress(row);
  const moves = known ? !belongs(row) || row.dataset.sort !== known.dataset.sort : belongs(row);
  if (known) refill(known, row);
  if (!moves) return;
  waiting.set(row.id, row);
  if (isBusy()) showPill();
  else applyWaiting();
}

/** New content for a row that keeps its link, and with it the focus. */
function refill(known, row) {
  for (const name of ["data-assignee", "data-category", "data-team", "data-unread"]) {
    if (row.hasAttribute(name)) known.setAttribute(name, row.getAttribute(name));
    else known.removeAttribute(name);
  }
  $("a", known).replaceChildren(...$("a", row.cloneNode(true)).childNodes);
  dress(known);
}

/** What only this browser knows of a row: its draft, and whether it is the open one. */
function dress(row) {
  paintTimes(row);
  const link = $("a", row);
  for (const name of ["href", "hx-get"]) link.setAttribute(name, `/inbox/${row.dataset.ticket}/${list().dataset.search}`);
  if (row.dataset.ticket === openTicket()) link.setAttribute("aria-current", "true");
  else link.removeAttribute("aria-current");
  const draft = draftOf(row.dataset.ticket), preview = $(".row-prev", row);
  if (draft) {
    preview.dataset.snippet ??= preview.textContent;
    preview.replaceChildren(Object.assign(document.createElement("em"), { textContent: text("draft") }), ` ${draft.slice(0, 160)}`);
  } else if (preview.dataset.snippet !== undefined) {
    preview.textContent = preview.dataset.snippet;
    delete preview.dataset.snippet;
  }
}

function applyWaiting() {
  const focused = document.activeElement?.closest?.(".row")?.id;
  for (const row of waiting.values()) {
    document.getElementById(row.id)?.remove();
    if (belongs(row)) place(row);
  }
  waiting.clear();
  $("#list-pill").hidden = true;
  if (focused) $("a", document.getElementById(focused) ?? document.createElement("i"))?.focus();
  $("#list-empty").hidden = $(".row", rows()) !== null;
}

function place(row) {
  const before = $$(".row", rows()).find(other => other.dataset.sort <= row.dataset.sort);
  if (before) before.before(row);
  else if ($("#more")) return;      // further down than what is loaded
  else rows().append(row);
  row.classList.add("is-new");
  window.htmx.process(row);
}

function showPill() {
  const pill = $("#list-pill");
  pill.hidden = false;
  $("span", pill).textContent = counted("changes", waiting.size);
}

/** Marks the row of the open ticket and takes its unread mark away. */
export function markOpen() {
  if (!rows()) return;
  const ticket = openTicket();
  for (const row of $$(".row", rows())) {
    if (row.dataset.ticket === ticket) row.removeAttribute("data-unread");
    dress(row);
  }
}

export function startRows() {
  if (!rows() || rows().dataset.started) return;
  rows().dataset.started = "1";
  waiting.clear();
  markOpen();
  $("#list-pill").addEventListener("click", applyWaiting);
  list().addEventListener("mouseleave", () => waiting.size && !isBusy() && applyWaiting());
}

/** Moves the keyboard focus along the rows as they stand on the screen. */
export function moveFocus(step) {
  const links = $$("#rows .row a");
  if (!links.length) return;
  let at = links.indexOf(document.activeElement);
  if (at < 0) at = links.findIndex(link => link.hasAttribute("aria-current"));
  const next = links[Math.max(0, Math.min(links.length - 1, at + step))];
  next.focus();
  next.scrollIntoView({ block: "nearest" });
}
