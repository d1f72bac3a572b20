import type { FragmentLoaderContext, HlsConfig, LoaderCallbacks, LoaderConfiguration } from "hls.js";
import { expect, test, vi } from "vitest";
import { type Delivery, DeliveryFailed } from "../../src/player/delivery.ts";
import { PlaybackStats } from "../../src/player/playback-stats.ts";
import { segmentLoader } from "../../src/player/segment-loader.ts";

const url = "http://box.lan/hls/film/v0/a.m4s";
const context = { url, frag: { sn: 7, type: "main", start: 28, duration: 4, url } } as FragmentLoaderContext;
const init = { url, frag: { sn: "initSegment", type: "main" } } as FragmentLoaderContext;

/** A delivery that the test ends. */
class FakeDelivery implements Delivery {
  readonly source = "mixed";
  readonly travel = { askedAt: 100, firstAt: 0, endAt: 0, loaded: 0, total: 0 };
  onProgress: (() => void) | null = null;
  cancelled = false;
  arrive!: (bytes: ArrayBuffer) => void;
  fail!: (reason: Error) => void;
  readonly bytes = new Promise<ArrayBuffer>((resolve, reject) => {
    this.arrive = resolve;
    this.fail = reject;
  });

  cancel(): void {
    this.cancelled = true;
    this.fail(new DeliveryFailed(url, 0, false));
  }

  advance(loaded: number): void {
    Object.assign(this.travel, { firstAt: 140, loaded, total: 300 });
    this.onProgress?.();
  }
}

/** One load by hls.js, and what became of it. */
function load(what: FragmentLoaderContext) {
  const delivery = new FakeDelivery();
  const playback = new PlaybackStats(() => 0, 0);
  const Loader = segmentLoader({ get: () => delivery }, playback);
  const loader = new Loader({} as HlsConfig);
  const callbacks = { onSuccess: vi.fn(), onError: vi.fn(), onTimeout: vi.fn(), onAbort: vi.fn() };
  loader.load(what, {} as LoaderConfiguration, callbacks as LoaderCallbacks<FragmentLoaderContext>);
  const told = () => {
    const calls = Object.entries(callbacks).filter(([, spy]) => spy.mock.calls.length > 0);
    return calls.map(([name]) => name);
  };
  return { delivery, loader, callbacks, told, facts: () => playback.snapshot(0) };
}

test("a segment is handed to hls.js, and it is noted who sent it", async () => {
  const { delivery, loader, callbacks, told, facts } = load(context);
  delivery.advance(200);
  expect(loader.stats).toMatchObject({
    loaded: 200,
    total: 300,
    loading: { start: 100, first: 140, end: 0 },
  });
  Object.assign(delivery.travel, { endAt: 400, loaded: 300 });
  const data = new ArrayBuffer(300);
  delivery.arrive(data);
  await vi.waitFor(() => expect(told()).toEqual(["onSuccess"]));
  expect(callbacks.onSuccess.mock.calls[0]?.[0]).toEqual({ url, data, code: 200 });
  expect(loader.stats.loading.end - loader.stats.loading.start).toBe(300);
  loader.destroy();
  expect(facts().segments).toEqual([{ kind: "video", rendition: "v0", index: 7, source: "mixed" }]);
});

test("an initialisation section is no segment", async () => {
  const { delivery, told, facts } = load(init);
  Object.assign(delivery.travel, { endAt: 400, loaded: 9 });
  delivery.arrive(new ArrayBuffer(9));
  await vi.waitFor(() => expect(told()).toEqual(["onSuccess"]));
  expect(facts().segments).toEqual([]);
});

test("a failure is told with its status, and a timeout as such", async () => {
  const failed = load(context);
  failed.delivery.fail(new DeliveryFailed(url, 503, false));
  await vi.waitFor(() => expect(failed.told()).toEqual(["onError"]));
  expect(failed.callbacks.onError.mock.calls[0]?.[0]).toMatchObject({ code: 503 });
  const late = load(context);
  late.delivery.fail(new DeliveryFailed(url, 0, true));
  await vi.waitFor(() => expect(late.told()).toEqual(["onTimeout"]));
});

test("a load that is given up tells nothing later", async () => {
  const { delivery, loader, told } = load(context);
  delivery.advance(200);
  loader.abort();
  loader.destroy();
  await delivery.bytes.catch(() => {});
  expect(told()).toEqual(["onAbort"]);
  expect([delivery.cancelled, loader.stats.aborted]).toEqual([true, true]);
});
