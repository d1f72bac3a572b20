import { expect, test } from "vitest";
import type { AddItem } from "../../src/ui/add-queue.ts";
import { lineFor, stepsOf } from "../../src/ui/add-steps.ts";
import { aVideo } from "./fake-api.ts";

/** A file that the box has, with what it says of it. */
function preparing(fields: Record<string, unknown>): AddItem {
  const video = aVideo({ state: "processing", progress: 0.56, ...fields });
  const file = new File(["x"], "film.mp4");
  return {
    key: 1,
    file,
    phase: video.state === "ready" ? "ready" : "preparing",
    sent: 1,
    speed: 0,
    video,
    message: "",
    canRetry: false,
  } as AddItem;
}

const low = { id: "low", kind: "video", height: 480 };
const source = { id: "source", kind: "video", height: 1080 };

test.each([
  ["check", "Check"],
  ["prepare", "Prepare"],
  ["copy", "Copy"],
])("in its stage %s a video is at the step %s", (stage, name) => {
  expect(stepsOf(preparing({ stage })).find((step) => step.state === "now")?.name).toBe(name);
});

test.each([
  [{ stage: "check" }, "Check what is in the file"],
  [{ stage: "prepare" }, "Prepare the picture and the sound: 56 %"],
  [
    { stage: "prepare", playable: true, renditions: [low] },
    "Watch what is there while the rest is prepared: 56 %",
  ],
  [
    { stage: "prepare", playable: true, renditions: [low, source] },
    "Ready to watch. A better quality is being prepared: 56 %",
  ],
  [
    { stage: "copy", playable: true, copies: { want: 2, have: 0 } },
    "Ready to watch. Make sure that it is safe on the disk",
  ],
  [
    { stage: "copy", playable: true, copies: { want: 2, have: 1 } },
    "Ready to watch. Copy to other machines: 1 of 2",
  ],
  [{ state: "ready", copies: { want: 2, have: 2 } }, "Ready"],
  [{ state: "ready", copies: { want: 2, have: 1 } }, "Ready · 1 of 2 copies, more come with more machines"],
])("%j is told as: %s", (fields, line) => {
  expect(lineFor(preparing(fields)).replaceAll("\u00a0", " ")).toBe(line);
});
