// Light or dark, at once and for the next visit.
import { post, text } from "./dom.js";
import { toast } from "./toasts.js";

const root = document.documentElement;

/** Switches to the other theme and stores it for the user, where the page knows how. */
export async function toggleTheme() {
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  toast(text(dark ? "themeLight" : "themeDark"));
  const url = document.body.dataset.themeUrl;
  if (!url) return;
  const form = new FormData();
  form.set("theme", root.dataset.theme);
  await post(url, form).catch(() => {});
}
