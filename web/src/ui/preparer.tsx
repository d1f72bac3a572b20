import { isBusy, type Video } from "../api/video.ts";
import { useApp } from "./app-context.ts";

/** Which machine prepares a video, where it is another one than this page comes from. */
export function Where({ video: { preparer } }: { video: Video }) {
  const node = useApp().session.current.value?.node;
  if (preparer === null || node === undefined || preparer.id === node.id || preparer.name === "") return null;
  return <span class="any-length"> Being prepared on {preparer.name}.</span>;
}

/** What is told of a video while a machine is away; see isAway. */
export function awayLine(video: Video): string {
  if (!isBusy(video)) {
    return "Parts of this video are on a machine that is not answering. It plays whole again when that machine is back.";
  }
  const name = video.preparer?.name || "The machine that prepares it";
  return `${name} is not answering just now. It goes on preparing this video when it is back.`;
}
