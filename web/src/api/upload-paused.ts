/** The reason of a signal that stops a file for a while: what the box has of it stays there. */
export class UploadPaused extends Error {
  override readonly name = "UploadPaused";
}
