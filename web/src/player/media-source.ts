/** What browsers have of it; iPhones have the managed one only. */
interface Sources {
  readonly ManagedMediaSource?: typeof MediaSource;
  readonly MediaSource?: typeof MediaSource;
}

/** Whether scripts can feed a video with these codecs, as RFC 6381 writes them, to this browser. */
export function canPlay(codecs: string): boolean {
  const { ManagedMediaSource, MediaSource } = globalThis as Sources;
  const source = ManagedMediaSource ?? MediaSource;
  return source?.isTypeSupported(`video/mp4; codecs="${codecs}"`) ?? false;
}
