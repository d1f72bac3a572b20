/** Loads what the network page shows, which no other page needs. */
export async function loadNetwork() {
  return (await import("./parts.ts")).NetworkBody;
}

/** Loads what tells on which machines a video lies, once an admin asks for it. */
export async function loadCopies() {
  return (await import("./parts.ts")).CopiesDialog;
}
