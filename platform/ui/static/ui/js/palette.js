// The command palette: a combobox over the commands the server listed, plus the people a ticket can be assigned to.
import { $, $$, text } from "./dom.js";
import { actions, hasTicket } from "./actions.js";

const dialog = () => $("#palette");
const field = () => $("#palette input");
const shown = () => $$("#palette [role=option]:not([hidden])");
const plain = words => words.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase();

function select(option) {
  for (const other of $$("#palette [aria-selected=true]")) other.setAttribute("aria-selected", "false");
  if (!option) { field().removeAttribute("aria-activedescendant"); return; }
  option.setAttribute("aria-selected", "true");
  field().setAttribute("aria-activedescendant", option.id);
  option.scrollIntoView({ block: "nearest" });
}

function filter() {
  const words = plain(field().value.trim()).split(/\s+/).filter(Boolean);
  for (const option of $$("#palette [role=option]")) {
    const fits = words.every(word => plain(option.textContent).includes(word));
    option.hidden = !fits || (option.hasAttribute("data-ticket-only") && !hasTicket()) || (option.hasAttribute("data-on-search") && !words.length);
  }
  for (const group of $$("#palette [role=group]")) group.hidden = !$("[role=option]:not([hidden])", group);
  $("#palette-none").hidden = shown().length > 0;
  select(shown()[0]);
}

/** One command for each person of the open ticket's assign menu. */
function listPeople() {
  for (const old of $$("#palette [data-person]")) old.remove();
  for (const button of $$("#assign-menu [data-person]")) {
    const option = $("#palette-person").content.firstElementChild.cloneNode(true);
    option.id = `command-${button.id}`;
    option.dataset.click = `#${button.id}`;
    $("span", option).textContent = text("assignTo", { name: button.dataset.person });
    $("#palette-ticket").append(option);
  }
}

function open() {
  if (dialog().open) return;
  listPeople();
  field().value = "";
  filter();
  dialog().showModal();
  field().focus();
}

function run(option) {
  if (!option) return;
  dialog().close();
  const { run: name, value, click } = option.dataset;
  if (click) $(click)?.click();
  else actions[name](value);
}

function onKey(event) {
  const options = shown(), at = options.findIndex(option => option.getAttribute("aria-selected") === "true");
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step) {
    event.preventDefault();
    select(options[(at + step + options.length) % options.length]);
  } else if (event.key === "Enter") {
    event.preventDefault();
    run(options[at]);
  }
}

export function startPalette() {
  document.addEventListener("palette:open", open);
  field().addEventListener("input", filter);
  field().addEventListener("keydown", onKey);
  dialog().addEventListener("click", event => {
    if (event.target === dialog()) dialog().close();
    else run(event.target.closest("[role=option]"));
  });
}
