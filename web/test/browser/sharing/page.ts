// What the tests of sharing put into pages before anything of the page's own runs. Each function is sent as text, so
// that it uses nothing from outside itself.

declare global {
  interface Window {
    /** Hash and length of each buffer that the decoder was given. */
    appended: [hash: number, length: number][];
  }
}

/** Notes what the decoder is given. The hash is FNV-1a, since pages on plain HTTP have no other; see fingerprint. */
export function noteAppended(): void {
  const hash = (bytes: Uint8Array): number => {
    let sum = 0x811c9dc5;
    for (const byte of bytes) sum = Math.imul(sum ^ byte, 0x01000193);
    return sum >>> 0;
  };
  window.appended = [];
  const append = SourceBuffer.prototype.appendBuffer;
  SourceBuffer.prototype.appendBuffer = function (data) {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data);
    window.appended.push([hash(bytes), bytes.length]);
    append.call(this, data);
  };
}

/** Spoils one byte of each large message to a peer. */
export function poison(): void {
  const large = 1000;
  const send = RTCDataChannel.prototype.send as (data: Uint8Array<ArrayBuffer>) => void;
  RTCDataChannel.prototype.send = function (this: RTCDataChannel, data: Uint8Array<ArrayBuffer>) {
    const copy = data.slice();
    const middle = copy.length >> 1;
    if (copy.length >= large) copy[middle] = (copy[middle] ?? 0) ^ 0xff;
    send.call(this, copy);
  } as typeof RTCDataChannel.prototype.send;
}

/** Keeps the page from reaching anybody, as an access point does that keeps its clients apart. */
export function isolate(): void {
  RTCPeerConnection.prototype.addIceCandidate = async () => {};
  const set = RTCPeerConnection.prototype.setRemoteDescription as (
    told: RTCSessionDescriptionInit,
  ) => Promise<void>;
  RTCPeerConnection.prototype.setRemoteDescription = function (this: RTCPeerConnection, told) {
    const sdp = (told.sdp ?? "").replaceAll(/^a=candidate:.*\r\n/gm, "");
    return set.call(this, { type: told.type, sdp });
  } as typeof RTCPeerConnection.prototype.setRemoteDescription;
}

export function removeWebRtc(): void {
  Reflect.deleteProperty(window, "RTCPeerConnection");
}
