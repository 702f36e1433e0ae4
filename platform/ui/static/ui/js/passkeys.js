// Passkeys: the browser asks the device, between the options that the server gives and the answer that it checks.
import { $, $$, text } from "./dom.js";

const isSupported = Boolean(globalThis.PublicKeyCredential?.parseRequestOptionsFromJSON);

/** Forms marked with data-passkey: `add` sends itself with the device's answer, `show` sends the answer alone and goes on. */
export function startPasskeys() {
  for (const form of $$("[data-passkey]")) {
    if (!isSupported) continue;
    form.hidden = false;
    form.addEventListener("submit", event => {
      if (form.elements.credential?.value) return;
      event.preventDefault();
      run(form);
    });
  }
}

async function run(form) {
  const problem = $("[data-passkey-error]", form);
  const button = $("button[type=submit]", form);
  problem.hidden = button.disabled = true;
  try {
    await (form.dataset.passkey === "add" ? add(form) : show(form));
  } catch (failure) {
    problem.textContent = failure instanceof Refused ? text("passkeyRefused") : text("passkeyCancelled");
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
}

async function add(form) {
  const { publicKey } = await call(form, "POST", form.dataset.options);
  const made = await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
  form.elements.credential.value = JSON.stringify(made);
  form.submit();
}

async function show(form) {
  const { publicKey } = await call(form, "POST", form.dataset.options);
  const shown = await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
  const isProof = form.dataset.next === "";
  await call(form, isProof ? "PUT" : "POST", form.dataset.answer, { credential: shown.toJSON() });
  if (!isProof) return location.assign(form.dataset.next);
  const waiting = $("form[action]:not([data-passkey])");  // what was to be sent before the question came; it needs no code any more
  waiting.noValidate = true;
  waiting.submit();
}

class Refused extends Error {}

async function call(form, method, url, body) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrfmiddlewaretoken.value };
  const answer = await fetch(url, { method, headers, credentials: "same-origin", body: body && JSON.stringify(body) });
  if (!answer.ok) throw new Refused(String(answer.status));
  return answer.status === 204 ? null : answer.json();
}
