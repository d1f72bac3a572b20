import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** The node under test: SHOAL_BIN, else what `make build` leaves in bin. */
export const shoal = process.env.SHOAL_BIN ?? fileURLToPath(new URL("../../../bin/shoal", import.meta.url));

/** The browser: SHOAL_CHROMIUM, else where the system's packages put it. */
export const chromium =
  process.env.SHOAL_CHROMIUM ??
  ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].find(existsSync) ??
  "/usr/bin/chromium";
