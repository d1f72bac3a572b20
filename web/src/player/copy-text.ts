/**
 * Copies what is in a text field, and leaves it selected. Returns false when the browser did not; then the
 * selection is there to be copied by hand. Pages on plain HTTP have no clipboard API.
 */
export async function copyFrom(field: HTMLInputElement | HTMLTextAreaElement): Promise<boolean> {
  field.focus();
  field.select();
  if (window.isSecureContext && navigator.clipboard !== undefined) {
    try {
      await navigator.clipboard.writeText(field.value);
      return true;
    } catch {
      // Not allowed: the old way may be.
    }
  }
  return document.execCommand("copy");
}

/** Copies a text that is in no field. The focus stays where it is; place is where a field may be for a moment. */
export async function copyText(text: string, place: HTMLElement): Promise<boolean> {
  const focused = document.activeElement;
  const field = document.createElement("textarea");
  field.value = text;
  field.readOnly = true;
  field.className = "player-copy-field";
  place.append(field);
  try {
    return await copyFrom(field);
  } finally {
    field.remove();
    if (focused instanceof HTMLElement) focused.focus();
  }
}
