// The agent's screen: brings the parts together and applies the fragments of the event stream.
import { $, parse, post, swap } from "./dom.js";
import { actions } from "./actions.js";
import { startComposer } from "./composer.js";
import { startKeys } from "./keys.js";
import { Live } from "./live.js";
import { addItem, currentLog, startLog } from "./log.js";
import { startMenus } from "./menus.js";
import { startPalette } from "./palette.js";
import { markOpen, startRows, takeRow } from "./rows.js";
import { startTimes } from "./times.js";
import { startToasts } from "./toasts.js";

const COUNTS_EVERY = 1000;
let countsTimer = 0, countsAt = 0, readTimer = 0;

const openTicket = () => $("#thread")?.dataset.ticket ?? "";

/** Counts change with nearly every event; they are fetched at most once per second. */
function refreshCounts() {
  if (countsTimer) return;
  countsTimer = setTimeout(() => {
    countsTimer = 0;
    countsAt = Date.now();
    window.htmx.ajax("GET", `/inbox/counts/?list=${encodeURIComponent($("#list")?.dataset.url ?? "")}`, { target: "#counts", swap: "none" });
  }, Math.max(0, countsAt + COUNTS_EVERY - Date.now()));
}

/** One event: its fragments go where they belong; a target that is not on the page is no concern of this page. */
function apply(event) {
  for (const fragment of event.fragments ?? []) {
    if (fragment.swap === "row") {
      takeRow(fragment.html);
      refreshCounts();
      continue;
    }
    const target = $(fragment.target);
    if (!target) continue;
    if (fragment.swap === "beforeend" && target === currentLog()) {
      const items = parse(fragment.html);
      items.forEach(item => addItem(target, item));
      if (items.some(item => item.matches(".msg.in"))) markRead(target.dataset.ticket);
    }
    else if (fragment.swap === "delete") target.remove();
    else swap(fragment.html, target, fragment.swap);
  }
}

/** What arrives in front of someone's eyes counts as read. */
function markRead(ticket) {
  clearTimeout(readTimer);
  readTimer = setTimeout(() => !document.hidden && openTicket() === ticket && post(`/inbox/${ticket}/read/`, new FormData()).catch(() => {}), 1000);
}

/** The gap is too old to replay: the list and the thread are fetched anew and morphed; the composer is never touched. */
async function reset() {
  const list = $("#list"), ticket = openTicket();
  if (list) await window.htmx.ajax("GET", list.dataset.url, { target: "#list", swap: "outerMorph" });
  if (ticket) await window.htmx.ajax("GET", location.pathname + location.search, { target: "#ticket", swap: "innerMorph" });
}

const live = new Live({ seq: Number(document.body.dataset.seq), apply, ticket: openTicket, view: () => $("#list")?.dataset.view ?? "", reset });
let shownTicket = openTicket();

/** After every swap: whatever is new on the page gets its behaviour, and the stream hears which ticket is open. */
function settle() {
  startRows();
  startLog();
  startComposer(live);
  markOpen();
  const ticket = openTicket();
  if (ticket === shownTicket) return;
  shownTicket = ticket;
  $("#app").classList.toggle("show-thread", Boolean(ticket));
  $("#app").classList.remove("show-panel");
  live.opened();
  // events between the rendering of this thread and the server's hearing of it were not drawn for it
  if (ticket) setTimeout(() => openTicket() === ticket && live.catchUp(Number($("#thread").dataset.seq)), 400);
}

startTimes();
startToasts();
startMenus();
startKeys();
startPalette();
settle();
document.addEventListener("htmx:after:swap", settle);
document.addEventListener("ticket:changed", settle);
document.addEventListener("htmx:after:request", event => {
  const { sourceElement, response } = event.detail.ctx;
  if (sourceElement.matches("#tag-form") && response?.raw?.ok) $("#f-tags").value = "";
});
document.addEventListener("click", event => {
  const runner = event.target.closest("[data-action]");
  if (runner) { event.preventDefault(); actions[runner.dataset.action](runner.dataset.value); }
});
document.documentElement.dataset.ready = "1";
