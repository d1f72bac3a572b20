import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Passes connections on, until so many bytes went to the box as the next cut says; then it destroys them all. */
export class CuttingProxy {
  readonly #target: () => string;
  readonly #cuts: { after: number; then: () => Promise<void> }[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #server: Server;
  #closed = false;
  /** How many bytes went to the box. */
  passed = 0;

  private constructor(target: () => string) {
    this.#target = target;
    this.#server = createServer((socket) => this.#pass(socket));
  }

  static async start(target: () => string): Promise<CuttingProxy> {
    const proxy = new CuttingProxy(target);
    proxy.#server.listen(0, "127.0.0.1");
    await once(proxy.#server, "listening");
    return proxy;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Cuts when so many bytes have passed in all; nothing passes until then is done. */
  cut(after: number, then: () => Promise<void> = async () => {}): void {
    this.#cuts.push({ after, then });
  }

  /** Waits for all cuts to be over. */
  get cutsLeft(): number {
    return this.#cuts.length;
  }

  async stop(): Promise<void> {
    this.#destroyAll();
    this.#server.close();
    await once(this.#server, "close");
  }

  #pass(socket: Socket): void {
    if (this.#closed) {
      socket.destroy();
      return;
    }
    const [host, port] = this.#target().split(":");
    const onward = connect(Number(port), host);
    for (const end of [socket, onward]) {
      this.#sockets.add(end);
      end.on("error", () => {});
      end.on("close", () => {
        this.#sockets.delete(end);
        socket.destroy();
        onward.destroy();
      });
    }
    onward.pipe(socket);
    socket.on("data", (data) => this.#forward(data, socket, onward));
    socket.on("end", () => onward.end());
  }

  #forward(data: Buffer, socket: Socket, onward: Socket): void {
    this.passed += data.length;
    const next = this.#cuts[0];
    if (next !== undefined && this.passed >= next.after) {
      void this.#carryOut(next.then);
      return;
    }
    if (onward.write(data)) return;
    socket.pause();
    onward.once("drain", () => socket.resume());
  }

  async #carryOut(then: () => Promise<void>): Promise<void> {
    this.#closed = true;
    this.#destroyAll();
    await then();
    this.#cuts.shift();
    this.#closed = false;
  }

  #destroyAll(): void {
    for (const socket of this.#sockets) socket.destroy();
  }
}
