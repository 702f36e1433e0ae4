// What keys and the command palette can do, in one place. An action says false where there is nothing it could act on.
import { $ } from "./dom.js";
import { chooseKind, composer } from "./composer.js";
import { closeMenus, openMenu } from "./menus.js";
import { moveFocus } from "./rows.js";
import { toggleTheme } from "./theme.js";

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
  assignMe: () => click("#assign-me"),
  resolve: () => click("#resolve"),
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
