// Short messages at the edge of the screen, which go away by themselves.
import { $ } from "./dom.js";

const STAY = 7000;

/** Shows a sentence. */
export function toast(words) {
  const box = document.createElement("div");
  box.className = "toast";
  box.append(Object.assign(document.createElement("span"), { textContent: words }));
  $("#toasts").append(box);
}

/** Whatever arrives among the toasts, also from the server, leaves after a while, but not while it is being read. */
export function startToasts() {
  const box = $("#toasts");
  const leave = item => setTimeout(() => (item.matches(":hover, :focus-within") ? leave(item) : item.remove()), STAY);
  new MutationObserver(changes => changes.forEach(change => change.addedNodes.forEach(node => node instanceof Element && leave(node))))
    .observe(box, { childList: true });
}
