/** What a Peer needs of a data channel; an RTCDataChannel is one. */
export interface Channel {
  readonly readyState: RTCDataChannelState;
  /** Bytes that were given to send and have not left. */
  readonly bufferedAmount: number;
  /** "bufferedamountlow" comes when bufferedAmount falls to this or below. */
  bufferedAmountLowThreshold: number;
  binaryType: BinaryType;
  send(bytes: Uint8Array<ArrayBuffer>): void;
  close(): void;
  addEventListener(
    type: "open" | "message" | "bufferedamountlow" | "close",
    listener: (event: Event) => void,
    options?: { readonly signal: AbortSignal },
  ): void;
}

/** The bytes that a "message" event brought; undefined for a text. */
export function bytesOf(event: Event): Uint8Array | undefined {
  const { data } = event as MessageEvent<unknown>;
  return data instanceof ArrayBuffer ? new Uint8Array(data) : undefined;
}
