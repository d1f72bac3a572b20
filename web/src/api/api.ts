import { send } from "./request.ts";
import { readSession, type Session } from "./session.ts";
import {
  type AddedSubtitles,
  addSubtitles,
  listSubtitles,
  removeSubtitles,
  type Subtitles,
  type SubtitlesFacts,
} from "./subtitles.ts";
import { abandonUpload, type SendWatch, uploadFile } from "./upload.ts";
import { readVideo, readVideoPage, type Video, type VideoPage, type VideoState } from "./video.ts";
import { getWatchedFolder, type WatchedFolder } from "./watched.ts";

export const sortOrders = ["new", "title", "duration"] as const;
export type SortOrder = (typeof sortOrders)[number];

/** Which videos to list, and how many at most. */
export interface VideoQuery {
  readonly search: string;
  readonly sort: SortOrder;
  readonly limit: number;
  /** The videos in this state only; all but those in the trash without it. */
  readonly state?: VideoState;
  readonly cursor?: string;
}

/** What the box can be asked. Every call throws an ApiError or a DecodeError. */
export interface Api {
  listVideos(query: VideoQuery, signal?: AbortSignal): Promise<VideoPage>;
  getVideo(id: string, signal?: AbortSignal): Promise<Video>;
  renameVideo(id: string, title: string): Promise<Video>;
  /** Moves a video to the trash, or with purge deletes it for good. */
  deleteVideo(id: string, options?: { purge: boolean }): Promise<void>;
  /** Takes a video out of the trash. */
  restoreVideo(id: string): Promise<Video>;
  /** Has a failed video prepared again. */
  retryVideo(id: string): Promise<Video>;
  /** Stops preparing a video; it can be tried again. */
  stopVideo(id: string): Promise<void>;
  listSubtitles(id: string, signal?: AbortSignal): Promise<readonly Subtitles[]>;
  /** Gives a video the subtitles in a file. */
  addSubtitles(id: string, file: File, facts?: SubtitlesFacts): Promise<AddedSubtitles>;
  removeSubtitles(id: string, subtitles: string): Promise<void>;
  /** Sends a file, or goes on sending it; see upload.ts. */
  uploadFile(file: File, signal: AbortSignal, watch: SendWatch): Promise<Video>;
  /** Has the box throw away what it has of a file that is not being sent just now. */
  abandonUpload(file: File): Promise<void>;
  /** Returns the folder whose films are added, or null when there is none. */
  getWatchedFolder(signal?: AbortSignal): Promise<WatchedFolder | null>;
  getSession(): Promise<Session>;
  /** Signs this browser in with a one-use key or a token. */
  signIn(token: string): Promise<Session>;
  signOut(): Promise<void>;
}

/** Returns the API of the box that this page came from. */
export function createApi(): Api {
  return {
    listVideos: async (query, signal) => readVideoPage(await send({ path: videosPath(query), signal })),
    getVideo: async (id, signal) => readVideo(await send({ path: videoPath(id), signal })),
    renameVideo: async (id, title) =>
      readVideo(await send({ method: "PATCH", path: videoPath(id), body: { title } })),
    deleteVideo: async (id, options) => {
      const path = options?.purge ? `${videoPath(id)}?purge=true` : videoPath(id);
      await send({ method: "DELETE", path });
    },
    restoreVideo: async (id) => readVideo(await send({ method: "POST", path: `${videoPath(id)}/restore` })),
    retryVideo: async (id) => readVideo(await send({ method: "POST", path: `${videoPath(id)}/retry` })),
    stopVideo: async (id) => {
      await send({ method: "POST", path: `${videoPath(id)}/cancel` });
    },
    listSubtitles,
    addSubtitles,
    removeSubtitles,
    uploadFile,
    abandonUpload,
    getWatchedFolder,
    getSession,
    signIn: async (token) => {
      await send({ method: "POST", path: "/api/v1/session", body: { token } });
      return getSession();
    },
    signOut: async () => {
      await send({ method: "DELETE", path: "/api/v1/session" });
    },
  };
}

async function getSession(): Promise<Session> {
  return readSession(await send({ path: "/api/v1/session" }));
}

function videoPath(id: string): string {
  return `/api/v1/videos/${encodeURIComponent(id)}`;
}

function videosPath(query: VideoQuery): string {
  const params = new URLSearchParams({ sort: query.sort, limit: String(query.limit) });
  if (query.search !== "") params.set("q", query.search);
  if (query.state !== undefined) params.set("state", query.state);
  if (query.cursor !== undefined) params.set("cursor", query.cursor);
  return `/api/v1/videos?${params}`;
}
