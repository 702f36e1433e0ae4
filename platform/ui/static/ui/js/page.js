// Pages without live updates: sign-in, settings, console. Everything here is a comfort; the pages work without it.
import { $, $$, isTyping, text } from "./dom.js";
import { startMenus } from "./menus.js";
import { startPasskeys } from "./passkeys.js";
import { toggleTheme } from "./theme.js";
import { startTimes } from "./times.js";
import { startToasts, toast } from "./toasts.js";

startTimes();
startToasts();
startMenus();
startPasskeys();

document.addEventListener("click", async event => {
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    try {
      await navigator.clipboard.writeText($(copy.dataset.copy).textContent.trim());
      toast(text("copied"));
    } catch {
      getSelection().selectAllChildren($(copy.dataset.copy));
    }
  }
  const ask = event.target.closest("[data-confirm]");
  if (ask && !confirm(ask.dataset.confirm)) event.preventDefault();
});

// a slug is proposed from the name until someone writes one
const slug = $("[data-slug-from]");
if (slug) {
  const source = $(slug.dataset.slugFrom);
  let own = slug.value !== "";
  slug.addEventListener("input", () => { own = slug.value !== ""; });
  source.addEventListener("input", () => {
    if (own) return;
    slug.value = source.value.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase().replace(/[^a-z0-9]+/g, "-").replace(/^-+|-+$/g, "").slice(0, 32).replace(/-+$/, "");
  });
}

// a search field sends itself when the typing pauses
for (const field of $$("[data-search]")) {
  let timer;
  const shown = field.value;
  field.addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => field.form.requestSubmit(), 450); });
  if (shown && field.hasAttribute("data-focus")) { field.focus(); field.setSelectionRange(shown.length, shown.length); }
}

// a field that narrows what is on the page already
for (const field of $$("[data-filter]")) {
  field.addEventListener("input", () => {
    const words = field.value.trim().toLowerCase();
    for (const row of $$(field.dataset.filter)) row.hidden = !row.textContent.toLowerCase().includes(words);
  });
}

document.addEventListener("keydown", event => {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
  if (event.key === "/" && $("[data-search]")) { event.preventDefault(); $("[data-search]").focus(); }
  if (event.key === "t") toggleTheme();
});
