import { expect, test } from "vitest";
import { ScreenLock } from "../../src/player/screen-lock.ts";

/** A browser that grants locks, and its page. */
class FakeScreen {
  visibilityState = "visible";
  refuses = false;
  readonly granted: { released: boolean; release(): Promise<void> }[] = [];

  async request() {
    if (this.refuses) throw new DOMException("low battery", "NotAllowedError");
    const lock = {
      released: false,
      release: async () => {
        lock.released = true;
      },
    };
    this.granted.push(lock);
    return lock;
  }

  get held(): number {
    return this.granted.filter(({ released }) => !released).length;
  }

  hide(): void {
    this.visibilityState = "hidden";
    for (const lock of this.granted) lock.released = true;
  }
}

/** Lets everything happen that waits for nothing outside. */
async function settled(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await Promise.resolve();
}

test("the screen is kept on while it is wanted", async () => {
  const screen = new FakeScreen();
  const lock = new ScreenLock(screen, screen);
  lock.wanted = true;
  lock.wanted = true;
  await settled();
  expect([screen.granted.length, screen.held]).toEqual([1, 1]);
  lock.wanted = false;
  await settled();
  expect(screen.held).toBe(0);
});

test("a page that is hidden has none, and asks again once it is seen", async () => {
  const screen = new FakeScreen();
  const lock = new ScreenLock(screen, screen);
  lock.wanted = true;
  await settled();
  screen.hide();
  lock.wanted = true;
  await settled();
  expect(screen.held).toBe(0);
  screen.visibilityState = "visible";
  lock.wanted = true;
  await settled();
  expect(screen.held).toBe(1);
});

test("who stops while it is being asked for keeps none", async () => {
  const screen = new FakeScreen();
  const lock = new ScreenLock(screen, screen);
  lock.wanted = true;
  lock.wanted = false;
  await settled();
  expect(screen.held).toBe(0);
});

test("a refusal is taken, and the next occasion tries again", async () => {
  const screen = new FakeScreen();
  screen.refuses = true;
  const lock = new ScreenLock(screen, screen);
  lock.wanted = true;
  await settled();
  expect(screen.granted).toEqual([]);
  screen.refuses = false;
  lock.wanted = true;
  await settled();
  expect(screen.held).toBe(1);
});

test("a browser without locks is left alone", () => {
  const lock = new ScreenLock({ visibilityState: "visible" }, undefined);
  expect(() => {
    lock.wanted = true;
  }).not.toThrow();
});
