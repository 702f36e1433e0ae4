// The event stream: a cursor that never goes back, replay after every gap, patience with a lost connection.
import { $, text } from "./dom.js";
import { toast } from "./toasts.js";

const FIRST_WAIT = 400, LONGEST_WAIT = 30000, QUIET = 5000, POLL = 5000, BEAT = 25000;
const SIGN_IN_AGAIN = 4001, SUSPENDED = 4003;

export class Live {
  /** `apply(event)` changes the page, `ticket()` and `view()` tell what is open, `reset()` fetches the page's fragments anew. */
  constructor({ seq, apply, ticket, view, reset }) {
    Object.assign(this, { last: seq, apply, ticket, view, reset, tries: 0, ended: false, timer: 0, catching: null });
    this.open();
    addEventListener("pagehide", () => this.socket?.close(1000));
    addEventListener("pageshow", event => event.persisted && this.open());
    addEventListener("online", () => this.open());
    document.addEventListener("visibilitychange", () => !document.hidden && this.open());
    setInterval(() => this.beat(), BEAT);
  }

  get isOn() { return document.body.dataset.live === "on"; }

  open() {
    if (this.ended || (this.socket && this.socket.readyState < 2)) return;
    clearTimeout(this.timer);
    const socket = this.socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/ws/v1/events`);
    socket.onopen = () => this.hello();
    socket.onmessage = message => this.take(JSON.parse(message.data));
    socket.onclose = event => socket === this.socket && this.lost(event.code);
  }

  /** Says from where to go on and what is open. */
  hello() {
    this.heardAt = Date.now();
    this.send({ type: "hello", since: this.last, format: "html", ticket: this.ticket() || null, view: this.view() });
  }

  /** Another ticket is open now: its messages are wanted. */
  opened() {
    this.send({ type: "open", ticket: this.ticket() || null });
  }

  send(frame) {
    if (this.socket?.readyState === 1) this.socket.send(JSON.stringify(frame));
  }

  /** A connection that died without a word is found by silence. */
  beat() {
    if (this.socket?.readyState !== 1) return;
    if (Date.now() - this.heardAt > 2.5 * BEAT) this.socket.close(4000);
    else this.send({ type: "ping" });
  }

  take(message) {
    this.heardAt = Date.now();
    if (message.type === "ready") {
      this.last = Math.max(this.last, message.seq ?? 0);
      this.tries = 0;
      this.show("on");
    } else if (message.type === "reset") {
      this.last = message.seq ?? this.last;
      this.reset();
    } else if (message.seq > this.last) {
      this.last = message.seq;
      this.apply(message);
    }
  }

  lost(code) {
    this.show("off");
    if (code === SIGN_IN_AGAIN) {
      this.ended = true;
      toast(text("signIn"));
      setTimeout(() => location.assign(`/sign-in/?next=${encodeURIComponent(location.pathname + location.search)}`), 1500);
      return;
    }
    if (code === SUSPENDED) {
      this.ended = true;
      this.bar(text("suspended"));
      return;
    }
    const wait = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** this.tries++) * (0.7 + Math.random() * 0.6);
    this.timer = setTimeout(() => this.open(), wait);
  }

  show(state) {
    if (document.body.dataset.live === state) return;
    document.body.dataset.live = state;
    clearTimeout(this.quiet);
    clearInterval(this.poll);
    if (state === "on") return this.bar("");
    this.quiet = setTimeout(() => {
      this.bar(text("reconnecting"));
      this.poll = setInterval(() => !document.hidden && !this.ended && this.catchUp(), POLL);
    }, QUIET);
  }

  bar(words) {
    const bar = $("#offline");
    bar.hidden = !words;
    $("span", bar).textContent = words;
  }

  /** Missed events by HTTP: after a POST while the socket is down, and while sockets are blocked. One request at a time. */
  catchUp(since = this.last) {
    this.catching ??= this.fetchSince(since).catch(() => {}).finally(() => { this.catching = null; });
    return this.catching;
  }

  async fetchSince(since) {
    const ticket = this.ticket();
    const answer = await fetch(ticket ? `/inbox/${ticket}/since/${since}/` : `/inbox/since/${since}/`, { credentials: "same-origin", headers: { "HX-Request": "true" } });
    if (answer.status !== 200) return;
    const missed = await answer.json();
    if (missed.reset) { this.last = missed.seq; this.reset(); return; }
    for (const event of missed.events) {
      // a thread that was rendered before an event which is already applied elsewhere still needs it: items are added once
      if (event.seq > since) this.apply(event);
      this.last = Math.max(this.last, event.seq);
    }
    this.last = Math.max(this.last, missed.seq);
  }
}
