// Small DOM and network functions that every script shares, and the page's translated texts.
export const $ = (selector, root = document) => root.querySelector(selector);
export const $$ = (selector, root = document) => [...root.querySelectorAll(selector)];

const strings = JSON.parse($("#strings")?.textContent ?? "{}");

/** A translated text; `{name}` in it is replaced by values.name. */
export function text(key, values = {}) {
  return String(strings[key] ?? key).replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);
}

/** A translated text for a number. */
export function counted(key, n) {
  return strings[key][n === 1 ? "one" : "other"].replace("{n}", n);
}

/** The elements of an HTML fragment that the server rendered. */
export function parse(html) {
  const holder = document.createElement("template");
  holder.innerHTML = html;
  return [...holder.content.children];
}

/** POSTs a form and says that a fragment is wanted. The token is the one htmx sends as well. */
export function post(url, body) {
  const headers = { Accept: "text/html", "HX-Request": "true", ...JSON.parse(document.body.getAttribute("hx-headers:inherited")) };
  return fetch(url, { method: "POST", body, headers, credentials: "same-origin", redirect: "manual" });
}

/** Puts server-rendered HTML into the page by htmx, so that its attributes work. */
export function swap(html, target, style) {
  return window.htmx.swap({ text: html, target, swap: style, sourceElement: document.body });
}

/** Whether a key press belongs to a field rather than to the page. */
export function isTyping(element) {
  return element instanceof Element && (element.isContentEditable || /^(TEXTAREA|SELECT)$/.test(element.tagName)
    || (element.tagName === "INPUT" && !/^(radio|checkbox|button|submit)$/.test(element.type)));
}
