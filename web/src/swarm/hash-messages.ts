/** To the worker that hashes; the buffer is given away. */
export interface HashQuestion {
  readonly id: number;
  readonly bytes: ArrayBuffer;
}

/** From it; the hash is in hexadecimal. */
export interface HashAnswer {
  readonly id: number;
  readonly hash: string;
}
