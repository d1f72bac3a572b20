/** A fish with a play sign: the mark of Shoal. */
export function LogoMark() {
  return (
    <svg class="logo-mark" viewBox="0 0 32 32" aria-hidden="true">
      <path d="M2.2 10.6c1.6.2 3 1 4 2.1C8.8 9.7 12.4 8 16.5 8 22.5 8 27.5 11.2 30 16c-2.5 4.8-7.5 8-13.5 8-4.1 0-7.7-1.7-10.3-4.7-1 1.1-2.4 1.9-4 2.1.7-1.7 1.1-3.5 1.1-5.4s-.4-3.7-1.1-5.4z" />
      <path class="logo-play" d="M14 11.8v8.4l7.2-4.2z" />
    </svg>
  );
}

/** The mark with the name beside it. */
export function Wordmark() {
  return (
    <span class="wordmark">
      <LogoMark />
      <span class="wordmark-text">Shoal</span>
    </span>
  );
}
