// Drop-down menus made of <details>: one open at a time, closed by Escape or a click elsewhere, walked with the arrow keys.
import { $, $$ } from "./dom.js";

export function closeMenus(except = null) {
  for (const menu of $$("details.menu[open]")) if (menu !== except) menu.open = false;
}

/** Opens a menu and moves the focus to its first entry. */
export function openMenu(menu) {
  if (!menu) return;
  menu.open = true;
  ($("[aria-checked=true]", menu) ?? $(".menu-item", menu))?.focus();
}

export function startMenus() {
  document.addEventListener("click", event => {
    const menu = event.target.closest("details.menu");
    closeMenus(menu);
    if (menu && event.target.closest(".menu-item")) menu.open = false;
  });
  document.addEventListener("keydown", event => {
    const menu = event.target instanceof Element && event.target.closest("details.menu[open]");
    if (!menu) return;
    if (event.key === "Escape") {
      event.preventDefault();
      event.stopPropagation();
      menu.open = false;
      $("summary", menu).focus();
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault();
      const items = $$(".menu-item", menu), at = items.indexOf(document.activeElement);
      items[(at + (event.key === "ArrowDown" ? 1 : -1) + items.length) % items.length]?.focus();
    }
  }, true);
  document.addEventListener("focusin", event => {
    const open = $("details.menu[open]");
    if (open && !open.contains(event.target)) open.open = false;
  });
}
