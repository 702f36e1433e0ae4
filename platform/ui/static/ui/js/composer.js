// The composer: reply or note, a draft that nothing can take away, a message that shows at once.
import { $, post, text } from "./dom.js";
import { readDraft, writeDraft } from "./drafts.js";
import { addGhost } from "./log.js";
import { markOpen } from "./rows.js";
import { toast } from "./toasts.js";

let live = null, savedTimer = 0;

export const composer = () => $("#composer");
const box = () => $("#text");
const kindOf = form => $("[name=kind]:checked", form).value;

/** Switches between reply and note; each has its own draft. */
export function chooseKind(kind) {
  const form = composer();
  if (!form) return false;
  const radio = $(`[name=kind][value=${kind}]`, form);
  if (!radio || radio.disabled) return false;
  radio.checked = true;
  show(form);
  box().focus();
  return true;
}

function show(form) {
  const kind = kindOf(form);
  form.dataset.kind = kind;
  box().placeholder = text(kind === "note" ? "noteHint" : "replyHint");
  box().value = readDraft(form.dataset.ticket, kind);
  $("#saved").textContent = box().value ? text("draftSaved") : "";
  $("#composer-error").replaceChildren();
}

function keepDraft(form) {
  const stored = writeDraft(form.dataset.ticket, kindOf(form), box().value);
  clearTimeout(savedTimer);
  $("#saved").textContent = "";
  savedTimer = setTimeout(() => { $("#saved").textContent = stored ? text("draftSaved") : ""; }, 400);
}

function showFiles(form) {
  const shown = $("#chosen-files");
  shown.replaceChildren(...[...$("[type=file]", form).files].map((file, at) => {
    const chip = $("#chosen-file").content.firstElementChild.cloneNode(true);
    $("span", chip).textContent = file.name;
    $("button", chip).setAttribute("aria-label", text("removeFile", { name: file.name }));
    $("button", chip).addEventListener("click", () => setFiles(form, [...$("[type=file]", form).files].filter((_, i) => i !== at)));
    return chip;
  }));
  shown.hidden = shown.childElementCount === 0;
}

function setFiles(form, files) {
  const transfer = new DataTransfer();
  files.forEach(file => transfer.items.add(file));
  $("[type=file]", form).files = transfer.files;
  showFiles(form);
}

const addFiles = (form, files) => files.length && setFiles(form, [...$("[type=file]", form).files, ...files]);

async function send(form) {
  const kind = kindOf(form), words = box().value, files = [...$("[type=file]", form).files], token = crypto.randomUUID();
  form.elements.client_token.value = token;
  const body = new FormData(form);
  $("#composer-error").replaceChildren();
  if (!words.trim() && !files.length) { box().focus(); return; }
  const ghost = addGhost({
    token, kind, body: words, files: files.map(file => file.name), sending: text("sending"), author: form.dataset.author, noteLabel: text("internalNote"),
  });
  box().value = "";
  setFiles(form, []);
  writeDraft(form.dataset.ticket, kind, "");
  clearTimeout(savedTimer);
  $("#saved").textContent = "";
  markOpen();
  const answer = await post(form.action, body).catch(() => null);
  if (answer?.status === 204) {
    settle(ghost);
    return;
  }
  ghost.remove();
  restore(form, kind, words, files);
  if (answer?.status === 422 || answer?.status === 409) $("#composer-error").innerHTML = await answer.text();
  else if (answer === null) toast(text("network"));
  else if (answer.type === "opaqueredirect" || answer.status === 401) toast(text("signIn"));
  else toast(text("notSent"));
}

/** Without the socket, or where the event is late, the page asks for it. */
function settle(ghost) {
  if (!live.isOn) live.catchUp();
  else setTimeout(() => ghost.isConnected && live.catchUp(), 3000);
}

/** A refused message goes back where it came from, unless something else has been written meanwhile. */
function restore(form, kind, words, files) {
  const inPlace = form.isConnected && kindOf(form) === kind;
  const later = inPlace ? box().value : readDraft(form.dataset.ticket, kind);
  const back = later.trim() ? `${words}\n\n${later}` : words;
  writeDraft(form.dataset.ticket, kind, back);
  if (!inPlace) return;
  box().value = back;
  if (files.length) setFiles(form, files);
}

/** Called for each composer that comes onto the page. */
export function startComposer(stream) {
  live = stream;
  const form = composer();
  if (!form || form.dataset.started) return;
  form.dataset.started = "1";
  if (!readDraft(form.dataset.ticket, "reply") && readDraft(form.dataset.ticket, "note")) $("[name=kind][value=note]", form).checked = true;
  show(form);
  form.addEventListener("submit", event => { event.preventDefault(); send(form); });
  form.addEventListener("change", event => {
    if (event.target.name === "kind") { show(form); box().focus(); }
    if (event.target.type === "file") showFiles(form);
  });
  box().addEventListener("input", () => keepDraft(form));
  box().addEventListener("blur", markOpen);
  box().addEventListener("keydown", event => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) { event.preventDefault(); form.requestSubmit(); }
  });
  box().addEventListener("paste", event => addFiles(form, [...event.clipboardData.files]));
  form.addEventListener("dragover", event => { event.preventDefault(); form.classList.add("is-over"); });
  form.addEventListener("dragleave", () => form.classList.remove("is-over"));
  form.addEventListener("drop", event => {
    event.preventDefault();
    form.classList.remove("is-over");
    addFiles(form, [...event.dataTransfer.files]);
  });
}
