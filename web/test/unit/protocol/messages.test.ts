import { expect, test } from "vitest";
import { DecodeError } from "../../../src/protocol/decode.ts";
import {
  decodeRoomMessage,
  encodeViewerMessage,
  fitName,
  type RoomMessage,
  type ViewerMessage,
} from "../../../src/protocol/messages.ts";
import { seed, seeded } from "../random.ts";
import { golden } from "./golden.ts";

type GoldenMessage = { readonly name: string; readonly text: string; readonly canonical: boolean } & (
  | { readonly direction: "viewer"; readonly message: ViewerMessage }
  | { readonly direction: "room"; readonly message: RoomMessage }
);

interface BadMessage {
  readonly name: string;
  readonly direction: "viewer" | "room";
  readonly text: string;
}

const messages = golden<GoldenMessage>("messages.json");
const fromRoom = messages.filter(({ direction }) => direction === "room");

test.each(fromRoom)("a message of the room is read: $name", ({ text, message }) => {
  expect(decodeRoomMessage(text)).toEqual(message);
});

test.each(messages.filter(({ direction, canonical }) => direction === "viewer" && canonical))(
  "a message to the room is written: $name",
  ({ text, message }) => {
    expect(encodeViewerMessage(message as ViewerMessage)).toBe(text);
  },
);

test.each(golden<BadMessage>("bad-messages.json").filter(({ direction }) => direction === "room"))(
  "not taken from a room: $name",
  ({ text }) => {
    expect(() => decodeRoomMessage(text)).toThrow(DecodeError);
  },
);

test.each([
  "",
  "null",
  "[]",
  '"room"',
  '{"t":"room","viewers":1} {}',
  '{"T":"room","viewers":1}',
  '{"t":"rooms","viewers":1}',
  '{"t":["room"],"viewers":1}',
  '{"viewers":1}',
])("no message: %j", (text) => expect(() => decodeRoomMessage(text)).toThrow(DecodeError));

test("a message that is longer than it may be is refused", () => {
  const text = JSON.stringify({ t: "room", viewers: 1, more: "" });
  const filled = (letter: string, count: number) => text.replace('""', JSON.stringify(letter.repeat(count)));
  const room = 65_536 - text.length;
  expect(decodeRoomMessage(filled("x", room))).toEqual({ t: "room", viewers: 1 });
  expect(() => decodeRoomMessage(filled("x", room + 1))).toThrow(DecodeError);
  expect(() => decodeRoomMessage(filled("ü", room / 2 + 1))).toThrow(DecodeError);
});

test(`whatever comes in, reading throws nothing but a DecodeError (seed ${seed})`, () => {
  const random = seeded(seed);
  const pick = (text: string) => text[Math.floor(random() * text.length)] ?? "";
  for (let i = 0; i < 5000; i++) {
    const base = fromRoom[Math.floor(random() * fromRoom.length)]?.text ?? "";
    const at = Math.floor(random() * base.length);
    const cut = Math.floor(random() * 4);
    const text = base.slice(0, at) + pick('0-9e{}[],:"nulltrue\u0000\ud800') + base.slice(at + cut);
    try {
      decodeRoomMessage(text);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw new Error(`of ${text}`, { cause: error });
    }
  }
});

test.each([
  ["Küche 📺", "Küche 📺"],
  ["a\nb\u202ec\u0000\u2028", "abc"],
  ["📺".repeat(50), "📺".repeat(40)],
])("a name is made to fit: %j", (name, fit) => expect(fitName(name)).toBe(fit));
