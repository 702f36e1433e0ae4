// Single keys, matched by what they type, so that every keyboard layout works. Off while typing; never with Alt.
import { $, isTyping } from "./dom.js";
import { actions } from "./actions.js";

const SINGLE = {
  j: "next", k: "previous", ArrowDown: "next", ArrowUp: "previous", r: "reply", n: "note", a: "assign", i: "assignMe", e: "resolve",
  "?": "keys", t: "theme", "]": "details", "/": "palette",
};
const GO = { i: "my", u: "unassigned", a: "open", d: "done" };
const LEAD_TIME = 1200;
let leadUntil = 0;

function onKey(event) {
  const mod = event.ctrlKey || event.metaKey;
  if (mod && !event.altKey && event.key.toLowerCase() === "k") {
    event.preventDefault();
    actions.palette();
    return;
  }
  if (mod || event.altKey || $("dialog[open]")) return;
  if (event.key === "Escape") { actions.leave(); return; }
  if (isTyping(event.target)) return;
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (Date.now() < leadUntil) {
    leadUntil = 0;
    if (GO[key]) { event.preventDefault(); actions.go(GO[key]); }
    return;
  }
  if (key === "g") { leadUntil = Date.now() + LEAD_TIME; return; }
  const isArrow = key.startsWith("Arrow");
  if (isArrow && !event.target.closest("#list")) return;     // the log scrolls with the arrows
  const action = SINGLE[key];
  if (!action || (event.repeat && !/^(next|previous)$/.test(action))) return;
  event.preventDefault();
  actions[action]();
}

export const startKeys = () => document.addEventListener("keydown", onKey);
