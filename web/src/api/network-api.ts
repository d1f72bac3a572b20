import { type Happening, readHappenings } from "./happenings.ts";
import { type Holders, readHolders } from "./holders.ts";
import { type Invite, type NodeList, readInvite, readNodeList } from "./nodes.ts";
import { send } from "./request.ts";
import { readStatus, type Status } from "./status.ts";

/** What the box can be asked of the machines that keep the library. Every call throws an ApiError or a DecodeError. */
export interface NetworkApi {
  getStatus(signal?: AbortSignal): Promise<Status>;
  listNodes(signal?: AbortSignal): Promise<NodeList>;
  /** What happened last, the newest first. */
  listHappenings(signal?: AbortSignal): Promise<readonly Happening[]>;
  /** Makes a link that lets one machine join within so many seconds. */
  invite(seconds: number): Promise<Invite>;
  /** Lets a machine in that asks to join. */
  approve(id: string): Promise<void>;
  /** Has the others take over what a node keeps, or with undo has it keep that again. */
  drain(id: string, options?: { undo: boolean }): Promise<void>;
  /** Shuts a node out for good, with force even if something is lost with it. */
  remove(id: string, options?: { force: boolean }): Promise<void>;
  /** Has missing copies made without waiting for anybody. */
  repairNow(): Promise<void>;
  /** Tells which nodes have what of a video. */
  getHolders(video: string, signal?: AbortSignal): Promise<Holders>;
}

/** Returns the NetworkApi of the box that this page came from. */
export function createNetworkApi(): NetworkApi {
  return {
    getStatus: async (signal) => readStatus(await send({ path: "/api/v1/status", signal })),
    listNodes: async (signal) => readNodeList(await send({ path: "/api/v1/nodes", signal })),
    listHappenings: async (signal) => readHappenings(await send({ path: "/api/v1/events?limit=20", signal })),
    invite: async (seconds) =>
      readInvite(await send({ method: "POST", path: "/api/v1/invites", body: { expires: seconds } })),
    approve: async (id) => {
      await send({ method: "POST", path: `${nodePath(id)}/approve` });
    },
    drain: async (id, options) => {
      const body = { undo: options?.undo ?? false };
      await send({ method: "POST", path: `${nodePath(id)}/drain`, body });
    },
    remove: async (id, options) => {
      await send({ method: "DELETE", path: options?.force ? `${nodePath(id)}?force=true` : nodePath(id) });
    },
    repairNow: async () => {
      await send({ method: "POST", path: "/api/v1/repair" });
    },
    getHolders: async (video, signal) =>
      readHolders(await send({ path: `/api/v1/videos/${encodeURIComponent(video)}/holders`, signal })),
  };
}

function nodePath(id: string): string {
  return `/api/v1/nodes/${encodeURIComponent(id)}`;
}
