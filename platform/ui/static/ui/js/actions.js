// What keys and the command palette can do, in one place. An action says false where there is nothing it could act on.
import { $, post, text } from "./dom.js";
import { chooseKind, composer } from "./composer.js";
import { closeMenus, openMenu } from "./menus.js";
import { moveFocus } from "./rows.js";
import { toggleTheme } from "./theme.js";
import { toast } from "./toasts.js";

/** The row under the keyboard's focus, unless it is the open ticket's: then the open ticket itself is meant. */
function focusedRow() {
  const row = document.activeElement?.closest?.("#rows .row");
  return row && row.dataset.ticket !== $("#thread")?.dataset.ticket ? row : null;
}

/** Changes a ticket that is not open; the row follows by the event stream. */
async function changeRow(row, path, values = {}) {
  try {
    const answer = await post(`/inbox/${row.dataset.ticket}/${path}/`, new URLSearchParams(values));
    if (!answer.ok) toast(text("failed"));
  } catch {
    toast(text("network"));
  }
}

function assignMe() {
  const row = focusedRow(), me = document.body.dataset.user;
  if (row) changeRow(row, "fields", { assignee_id: me });
  else click(`[id="assign-${me}"]`);
}

function resolve() {
  const row = focusedRow();
  if (row) changeRow(row, row.dataset.category === "solved" ? "reopen" : "resolve");
  else click("#resolve");
}

const click = selector => { const element = $(selector); element?.click(); return Boolean(element); };

/** Back to the list: the thread gives way to the empty place, the list keeps its scroll position. */
function back() {
  if (!$("#thread")) return false;
  const ticket = $("#thread").dataset.ticket;
  $("#ticket").replaceChildren($("#no-ticket").content.cloneNode(true));
  $("#app").classList.remove("show-thread", "show-panel");
  history.pushState({ htmx: true }, "", $("#list").dataset.url);
  document.dispatchEvent(new CustomEvent("ticket:changed"));
  $(`#row-${ticket} a`)?.focus();
  return true;
}

/** Escape: one step out, whatever one is in. */
function leave() {
  if ($("details.menu[open]")) closeMenus();
  else if ($("#app").classList.contains("show-panel")) $("#app").classList.remove("show-panel");
  else if (document.activeElement?.closest("#composer, #panel, .menu")) document.activeElement.blur();
  else back();
}

export const actions = {
  next: () => moveFocus(1),
  previous: () => moveFocus(-1),
  reply: () => chooseKind("reply"),
  note: () => chooseKind("note"),
  assign: () => openMenu($("#assign-menu")),
  assignMe,
  resolve,
  details: () => $("#panel") && $("#app").classList.toggle("show-panel"),
  theme: toggleTheme,
  back,
  leave,
  keys: () => $("#keys").showModal(),
  palette: () => document.dispatchEvent(new CustomEvent("palette:open")),
  go: view => click(`.side [data-view="${view}"]`),
  follow: href => location.assign(href),
};

export const hasTicket = () => Boolean(composer());
