import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { type PageVisibility, poll } from "../../src/ui/poll.ts";

class FakePage extends EventTarget implements PageVisibility {
  hidden = false;

  show(visible: boolean): void {
    this.hidden = !visible;
    this.dispatchEvent(new Event("visibilitychange"));
  }
}

let page: FakePage;

beforeEach(() => {
  vi.useFakeTimers();
  page = new FakePage();
});

afterEach(() => vi.useRealTimers());

test("it looks at once and then at its interval", async () => {
  const run = vi.fn(async () => {});
  const stop = poll({ run, intervalMs: () => 1000, page });
  await vi.advanceTimersByTimeAsync(0);
  expect(run).toHaveBeenCalledTimes(1);
  await vi.advanceTimersByTimeAsync(2999);
  expect(run).toHaveBeenCalledTimes(3);
  stop();
});

test("it looks less and less often while looks fail, and recovers", async () => {
  let fails = true;
  const at: number[] = [];
  const start = Date.now();
  const run = async () => {
    at.push(Date.now() - start);
    if (fails) throw new Error("no answer");
  };
  const stop = poll({ run, intervalMs: () => 1000, page });
  await vi.advanceTimersByTimeAsync(7000);
  expect(at).toEqual([0, 1000, 3000, 7000]);
  fails = false;
  await vi.advanceTimersByTimeAsync(9000);
  expect(at.slice(4)).toEqual([15_000, 16_000]);
  stop();
});

test("it rests while the page is hidden, and looks when it is back", async () => {
  const run = vi.fn(async () => {});
  const stop = poll({ run, intervalMs: () => 1000, page });
  await vi.advanceTimersByTimeAsync(0);
  page.show(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(run).toHaveBeenCalledTimes(1);
  page.show(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(run).toHaveBeenCalledTimes(2);
  stop();
});

test("one look at a time", async () => {
  let finish = () => {};
  const run = vi.fn(() => new Promise<void>((resolve) => (finish = resolve)));
  const stop = poll({ run, intervalMs: () => 10, page });
  page.show(true);
  await vi.advanceTimersByTimeAsync(5000);
  expect(run).toHaveBeenCalledTimes(1);
  finish();
  await vi.advanceTimersByTimeAsync(10);
  expect(run).toHaveBeenCalledTimes(2);
  stop();
});

test("after the stop it looks no more, and a look under way is told", async () => {
  const signals: AbortSignal[] = [];
  const run = vi.fn(async (signal: AbortSignal) => void signals.push(signal));
  const stop = poll({ run, intervalMs: () => 10, page });
  await vi.advanceTimersByTimeAsync(0);
  stop();
  page.show(true);
  await vi.advanceTimersByTimeAsync(5000);
  expect(run).toHaveBeenCalledTimes(1);
  expect(signals[0]?.aborted).toBe(true);
});
