/**
 * Copies what is in a text field, and leaves it selected. Returns false when the browser did not; then the
 * selection is there to be copied by hand. Pages on plain HTTP have no clipboard API.
 */
export async function copyFrom(field: HTMLInputElement): Promise<boolean> {
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
