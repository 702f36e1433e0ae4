// Times in the viewer's zone and language, kept up to date; days between messages.
import { $$, text } from "./dom.js";

const root = document.documentElement;
const zone = root.dataset.timeZone || undefined;
const format = options => new Intl.DateTimeFormat(root.lang || undefined, { timeZone: zone, ...options });
const clock = format({ hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const short = format({ day: "numeric", month: "short" });
const date = format({ day: "numeric", month: "short", year: "numeric" });
const fullYear = format({ day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const full = format({ day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const long = format({ weekday: "long", day: "numeric", month: "long" });
const longYear = format({ weekday: "long", day: "numeric", month: "long", year: "numeric" });
const key = new Intl.DateTimeFormat("en-CA", { timeZone: zone, year: "numeric", month: "2-digit", day: "2-digit" });

const dayKey = at => key.format(at);

function ago(at) {
  const seconds = Math.max(0, (Date.now() - at) / 1000);
  if (seconds < 60) return text("now");
  if (seconds < 3600) return text("minutes", { n: Math.floor(seconds / 60) });
  if (seconds < 86400) return text("hours", { n: Math.floor(seconds / 3600) });
  if (seconds < 7 * 86400) return text("days", { n: Math.floor(seconds / 86400) });
  return short.format(at);
}

function dayLabel(at) {
  const today = dayKey(new Date()), day = dayKey(at);
  if (day === today) return text("today");
  if (day === dayKey(new Date(Date.now() - 86400000))) return text("yesterday");
  return (isThisYear(at) ? long : longYear).format(at);
}

const isThisYear = at => dayKey(at).slice(0, 4) === dayKey(new Date()).slice(0, 4);

const paints = { ago, clock: at => clock.format(at), date: at => date.format(at), full: at => (isThisYear(at) ? full : fullYear).format(at), day: dayLabel };

/** Writes every time below `root` in the viewer's zone and language. */
export function paintTimes(root = document) {
  for (const element of $$("time[data-format]", root)) {
    const at = new Date(element.dateTime);
    if (Number.isNaN(+at)) continue;
    const words = paints[element.dataset.format](at);
    if (element.textContent !== words) element.textContent = words;
    if (!element.title && element.dataset.format !== "day") element.title = fullYear.format(at);
  }
}

/** Puts one separator before the first item of each day of a log, and takes away those that separate nothing. */
export function paintDays(log) {
  let day = "";
  for (const item of [...log.children]) {
    if (item.classList.contains("day")) {
      const next = item.nextElementSibling;
      if (!next?.dataset.at || dayKey(new Date(next.dataset.at)) !== item.dataset.day || item.dataset.day === day) item.remove();
      else day = item.dataset.day;
    } else if (item.dataset.at) {
      const at = new Date(item.dataset.at);
      if (dayKey(at) !== day) {
        day = dayKey(at);
        const separator = document.createElement("div");
        separator.className = "day";
        separator.dataset.day = day;
        separator.setAttribute("role", "separator");
        separator.innerHTML = `<time data-format="day"></time>`;
        separator.firstChild.dateTime = item.dataset.at;
        separator.firstChild.textContent = dayLabel(at);
        item.before(separator);
      }
    }
  }
}

export function startTimes() {
  paintTimes();
  setInterval(paintTimes, 30000);
  document.addEventListener("htmx:after:swap", () => paintTimes());
}
