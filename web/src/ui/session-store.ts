import { computed, type ReadonlySignal, signal } from "@preact/signals";
import type { Api } from "../api/api.ts";
import { messageOf } from "../api/request.ts";
import { mayAdd, mayChange, type Session } from "../api/session.ts";
import type { Notices } from "./notices.ts";

/** Who this browser is to the box. */
export class SessionStore {
  readonly #api: Api;
  readonly #notices: Notices;
  readonly #session = signal<Session | null>(null);
  /** False until the session is known. */
  readonly mayAdd = computed(() => mayAdd(this.#session.value?.role ?? ""));
  readonly mayChange = computed(() => mayChange(this.#session.value?.role ?? ""));

  constructor(api: Api, notices: Notices) {
    this.#api = api;
    this.#notices = notices;
  }

  /** Null until the box answered. */
  get current(): ReadonlySignal<Session | null> {
    return this.#session;
  }

  async refresh(): Promise<void> {
    this.#session.value = await this.#api.getSession();
  }

  /** Signs in with a one-use key or a token, and tells the viewer how that went. */
  async signIn(key: string): Promise<boolean> {
    try {
      this.#session.value = await this.#api.signIn(key);
      this.#notices.good(welcomeFor(this.#session.value.role));
      return true;
    } catch (error) {
      this.#notices.bad(`You are not signed in. ${messageOf(error)}`);
      return false;
    }
  }

  async signOut(): Promise<void> {
    try {
      await this.#api.signOut();
      await this.refresh();
      this.#notices.good("You are signed out on this device.");
    } catch (error) {
      this.#notices.bad(messageOf(error));
    }
  }
}

function welcomeFor(role: string): string {
  if (mayChange(role)) return "You are admin on this device now.";
  if (mayAdd(role)) return "You may add videos from this device now.";
  return "You may watch on this device now.";
}
