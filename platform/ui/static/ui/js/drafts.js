// Drafts: one per user, ticket and kind, written to this browser at each key press, never part of a swap.
const prefix = () => `draft:${document.body.dataset.user}:`;
const key = (ticket, kind) => `${prefix()}${ticket}:${kind}`;

export function readDraft(ticket, kind) {
  try {
    return localStorage.getItem(key(ticket, kind)) ?? "";
  } catch {
    return "";
  }
}

/** Stores a draft, or removes it when nothing but spaces is left. Says whether one is stored now. */
export function writeDraft(ticket, kind, words) {
  try {
    if (words.trim()) localStorage.setItem(key(ticket, kind), words);
    else localStorage.removeItem(key(ticket, kind));
    return Boolean(words.trim());
  } catch {
    return false;
  }
}

/** The draft that the list shows for a ticket: the reply, otherwise the note. */
export function draftOf(ticket) {
  return (readDraft(ticket, "reply") || readDraft(ticket, "note")).replace(/\s+/g, " ").trim();
}
