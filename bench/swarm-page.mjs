// What the swarm benchmark puts into pages before anything of their own runs. Each function is sent as text, so
// that it uses nothing from outside itself.

/**
 * Watches the `<video>`, what the decoder gets, and what comes over data channels, whatever player there is.
 * window.bench.tell() returns what it saw, window.bench.seek(seconds) seeks.
 */
export function observe() {
  const visible = 50; // ms; what is over within a frame or so is no stall, though its time counts
  const seen = { firstFrame: null, stalls: 0, stallMs: 0, played: 0, seeks: [], appended: [], peerBytes: 0 };
  let video = null;
  let last = null; // the media time up to which playing was counted
  let waitingSince = null;
  let sought = null; // a seek of the benchmark's own that has shown no frame yet
  let resumed = true; // since such a seek
  const stalled = () => (waitingSince === null ? 0 : performance.now() - waitingSince);
  const endStall = () => {
    seen.stallMs += stalled();
    if (stalled() >= visible) seen.stalls += 1;
    waitingSince = null;
  };
  const countPlayed = () => {
    const now = video.seeking ? null : video.currentTime;
    if (last !== null && now !== null && now > last) {
      seen.played += now - last;
      resumed = true;
    }
    last = now;
  };
  const frame = (_, { mediaTime }) => {
    seen.firstFrame ??= performance.now();
    if (sought === null) return;
    if (Math.abs(mediaTime - sought.target) < 1) {
      seen.seeks.push(performance.now() - sought.began);
      sought = null;
    } else video.requestVideoFrameCallback(frame);
  };
  const follow = () => {
    video.requestVideoFrameCallback(frame);
    video.addEventListener("timeupdate", countPlayed);
    // A seek of the player's own, over a gap, is part of a stall.
    video.addEventListener("seeking", () => (last = null));
    video.addEventListener("playing", endStall);
    video.addEventListener("waiting", () => {
      if (seen.firstFrame !== null && resumed) waitingSince ??= performance.now();
    });
  };
  const observer = new MutationObserver(() => {
    video = document.querySelector("video");
    if (video === null) return;
    observer.disconnect();
    follow();
  });
  observer.observe(document, { childList: true, subtree: true });

  /** FNV-1a: one changed byte always changes it. */
  const hash = (bytes) => {
    let h = 0x811c9dc5;
    for (let i = 0; i < bytes.length; i++) h = Math.imul(h ^ bytes[i], 0x01000193);
    return h >>> 0;
  };
  const append = SourceBuffer.prototype.appendBuffer;
  SourceBuffer.prototype.appendBuffer = function (data) {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    seen.appended.push([hash(bytes), bytes.length]);
    return append.call(this, data);
  };

  const tap = (channel) =>
    channel.addEventListener("message", ({ data }) => {
      seen.peerBytes += data.byteLength ?? data.size ?? data.length;
    });
  const Native = window.RTCPeerConnection;
  window.RTCPeerConnection = class RTCPeerConnection extends Native {
    constructor(...settings) {
      super(...settings);
      this.addEventListener("datachannel", ({ channel }) => tap(channel));
    }
    createDataChannel(...settings) {
      const channel = super.createDataChannel(...settings);
      tap(channel);
      return channel;
    }
  };

  window.bench = {
    seek(target) {
      endStall();
      resumed = false;
      sought = { target, began: performance.now() };
      video.requestVideoFrameCallback(frame);
      video.currentTime = target;
    },
    tell() {
      if (video !== null) countPlayed();
      // What the pages say themselves: ours in window.shoal, the one with p2p-media-loader in window.benchBytes.
      const bytes = window.shoal?.stats().bytes ?? window.benchBytes?.() ?? null;
      const stalls = seen.stalls + (stalled() >= visible ? 1 : 0);
      return { ...seen, stalls, stallMs: seen.stallMs + stalled(), age: performance.now(), bytes };
    },
  };
}

/** Spoils every large binary message that the page sends to a peer, by one byte. */
export function poison() {
  const send = RTCDataChannel.prototype.send;
  RTCDataChannel.prototype.send = function (data) {
    if ((data.byteLength ?? 0) < 1000) return send.call(this, data);
    const view = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    const copy = view.slice();
    copy[copy.length >> 1] ^= 0xff;
    return send.call(this, copy);
  };
}

/** Sends to all peers together at this many bits a second, as over a thin uplink. */
export function slowDown(rate) {
  const channel = RTCDataChannel.prototype;
  const send = channel.send;
  const amount = Object.getOwnPropertyDescriptor(channel, "bufferedAmount").get;
  const waiting = new WeakMap(); // channel → bytes that it holds back
  let free = 0; // when the uplink is free again
  const held = (of) => waiting.get(of) ?? 0;
  Object.defineProperty(channel, "bufferedAmount", {
    get() {
      return amount.call(this) + held(this);
    },
  });
  channel.send = function (data) {
    if (this.readyState !== "open") return send.call(this, data);
    const kept = typeof data === "string" ? data : new Uint8Array(data.buffer ?? data, data.byteOffset ?? 0, data.byteLength).slice();
    const size = kept.byteLength ?? kept.length;
    waiting.set(this, held(this) + size);
    free = Math.max(free, performance.now()) + (size * 8000) / rate;
    setTimeout(() => {
      const before = this.bufferedAmount;
      waiting.set(this, held(this) - size);
      if (this.readyState !== "open") return;
      send.call(this, kept);
      const { bufferedAmountLowThreshold: low } = this;
      if (before > low && before - size <= low) this.dispatchEvent(new Event("bufferedamountlow"));
    }, free - performance.now());
  };
}
