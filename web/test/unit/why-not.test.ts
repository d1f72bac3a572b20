import { expect, test } from "vitest";
import { wordsIn } from "../../src/player/why-not.ts";

test("only machines that are away are told of in the player's words", () => {
  expect(wordsIn({ error: { code: "nodes_away", message: "box-1 does not answer." } })).toBe(
    "box-1 does not answer.",
  );
  expect(wordsIn({ error: { code: "processing", message: "Wait." } })).toBeNull();
  expect(wordsIn("a proxy's page")).toBeNull();
});
