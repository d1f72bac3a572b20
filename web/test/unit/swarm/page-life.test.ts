import { expect, test } from "vitest";
import { watchPageLife } from "../../../src/swarm/page-life.ts";

test("a page leaves when it is put away, and comes back when it was only kept", () => {
  const [page, document] = [new EventTarget(), new EventTarget()];
  const said: string[] = [];
  const stop = watchPageLife(page, document, {
    leave: () => said.push("leave"),
    comeBack: () => said.push("come back"),
    online: () => said.push("online"),
  });
  const show = (persisted: boolean) =>
    page.dispatchEvent(Object.assign(new Event("pageshow"), { persisted }));
  show(false);
  page.dispatchEvent(new Event("pagehide"));
  show(true);
  document.dispatchEvent(new Event("freeze"));
  document.dispatchEvent(new Event("resume"));
  page.dispatchEvent(new Event("online"));
  expect(said).toEqual(["leave", "come back", "leave", "come back", "online"]);
  stop();
  page.dispatchEvent(new Event("pagehide"));
  expect(said.length).toBe(5);
});
