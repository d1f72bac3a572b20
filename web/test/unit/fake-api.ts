import type { Api, VideoQuery } from "../../src/api/api.ts";
import { ApiError } from "../../src/api/request.ts";
import type { AddedSubtitles } from "../../src/api/subtitles.ts";
import type { SendWatch } from "../../src/api/upload.ts";
import { readVideo, type Video, type VideoPage } from "../../src/api/video.ts";

/** A video as the box would describe it, with what the test cares for. */
export function aVideo(fields: Record<string, unknown>): Video {
  return readVideo({ id: "v", title: "A film", state: "ready", ...fields });
}

export const noAnswer = new ApiError(0, { code: "unreachable", message: "The box is not answering." });

/** A box in memory. Videos are listed in the order of the map; uploads wait until the test answers them. */
export class FakeApi implements Api {
  readonly videos = new Map<string, Video>();
  readonly queries: VideoQuery[] = [];
  readonly deleted: string[] = [];
  readonly restored: string[] = [];
  readonly uploads: Upload[] = [];
  /** The names of files whose beginnings were thrown away. */
  readonly abandoned: string[] = [];
  /** "video file" for each file of subtitles that was added. */
  readonly subtitles: string[] = [];
  /** When set, every call but an upload fails by it. */
  failure: Error | null = null;

  put(video: Video): void {
    this.videos.set(video.id, video);
  }

  async listVideos(query: VideoQuery): Promise<VideoPage> {
    this.#fail();
    this.queries.push(query);
    const found = [...this.videos.values()].filter(
      (video) =>
        video.title.includes(query.search) && (query.state === undefined || video.state === query.state),
    );
    const start = Number(query.cursor ?? 0);
    const end = start + query.limit;
    return { videos: found.slice(start, end), next: end < found.length ? String(end) : null };
  }

  async getVideo(id: string): Promise<Video> {
    this.#fail();
    const video = this.videos.get(id);
    if (video === undefined) throw new ApiError(404, { code: "not_found", message: "Not here." });
    return video;
  }

  uploadFile: Api["uploadFile"] = (file, signal, watch) =>
    new Promise((resolve, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason));
      this.uploads.push({ file, resolve, reject, onProgress: watch.onProgress, watch });
    });

  async abandonUpload(file: File): Promise<void> {
    this.#fail();
    this.abandoned.push(file.name);
  }

  async deleteVideo(id: string): Promise<void> {
    this.#fail();
    this.deleted.push(id);
  }

  async restoreVideo(id: string): Promise<Video> {
    this.#fail();
    this.restored.push(id);
    return this.getVideo(id);
  }

  listSubtitles = () => Promise.reject(new Error("not in this fake"));
  removeSubtitles = () => Promise.reject(new Error("not in this fake"));

  async addSubtitles(id: string, file: File): Promise<AddedSubtitles> {
    this.#fail();
    this.subtitles.push(`${id} ${file.name}`);
    return { id: "sub1", waiting: true, duplicate: false };
  }

  readonly retried: string[] = [];

  async retryVideo(id: string): Promise<Video> {
    this.#fail();
    this.retried.push(id);
    return this.getVideo(id);
  }

  stopVideo = () => Promise.reject(new Error("not in this fake"));
  renameVideo = () => Promise.reject(new Error("not in this fake"));
  getWatchedFolder = () => Promise.reject(new Error("not in this fake"));
  getSession = () => Promise.reject(new Error("not in this fake"));
  signIn = () => Promise.reject(new Error("not in this fake"));
  signOut = () => Promise.reject(new Error("not in this fake"));

  #fail(): void {
    if (this.failure !== null) throw this.failure;
  }
}

interface Upload {
  readonly file: File;
  readonly resolve: (video: Video) => void;
  readonly reject: (error: unknown) => void;
  readonly onProgress: (sent: number, total: number) => void;
  readonly watch: SendWatch;
}
