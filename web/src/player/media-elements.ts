import type { FunctionComponent, HTMLAttributes } from "preact";

// The tags of media-chrome. Their code comes later, by loadControls, and upgrades what is on the page by then.

/** media-chrome's options are attributes; "" switches one on. */
interface MediaElementProps extends HTMLAttributes<HTMLElement> {
  readonly autohide?: string;
  readonly noautohide?: "";
  readonly nohotkeys?: "";
  readonly nomutedpref?: "";
}

/** Keeps an element in a player's frame visible while the controls hide; for elements that are not media-chrome's. */
export const alwaysShown: object = { noautohide: "" };

/** A tag's name may stand where a component does; this gives it a component's type. */
function element(tag: string): FunctionComponent<MediaElementProps> {
  return tag as unknown as FunctionComponent<MediaElementProps>;
}

export const MediaController = element("media-controller");
export const MediaFullscreenButton = element("media-fullscreen-button");
export const MediaLoadingIndicator = element("media-loading-indicator");
export const MediaMuteButton = element("media-mute-button");
export const MediaPipButton = element("media-pip-button");
export const MediaPlayButton = element("media-play-button");
export const MediaTimeRange = element("media-time-range");
export const MediaVolumeRange = element("media-volume-range");
