import { type FileHandle, mkdir, open } from "node:fs/promises";
import { join } from "node:path";
import type { ClientReadableStream } from "@grpc/grpc-js";
import type { ExportResponse } from "../../../gen/holdfast/v1/admin_pb.js";
import { cancelCall } from "./call/cancel-call.js";
import { errorFromCall } from "./call/error-from-status.js";
import { HoldfastError } from "./holdfast-error.js";

/** What the files of an archive are called: nothing that leads elsewhere. */
const NAME = /^[a-z_]+\.jsonl?(\.gz)?$/;
const MANIFEST = "manifest.json";

/** Writes the files that a call sends, as fast as the disk takes them, each synced before the next. */
export async function receiveArchive(
  call: Promise<ClientReadableStream<ExportResponse>>,
  folder: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  const stream = await call;
  const cancel = () => cancelCall(stream);
  // A call that fails before the loop begins tells nobody else.
  let failure: unknown;
  stream.on("error", (error) => {
    failure ??= error;
  });
  signal?.addEventListener("abort", cancel);
  const files = new ReceivedFiles(folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    for await (const { name, data } of stream as AsyncIterable<ExportResponse>) await files.write(name, data);
    if (failure) throw failure;
  } catch (error) {
    const isOfCall = error instanceof Error && typeof (error as { code?: unknown }).code === "number";
    throw isOfCall
      ? errorFromCall(error as Error & Parameters<typeof errorFromCall>[0])
      : HoldfastError.from(error);
  } finally {
    signal?.removeEventListener("abort", cancel);
    cancel();
    await files.close();
  }
  if (files.last !== MANIFEST) {
    throw new HoldfastError("the archive ended before its manifest", { code: "UNAVAILABLE" });
  }
}

class ReceivedFiles {
  last = "";
  readonly #folder: string;
  #file: FileHandle | undefined;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async write(name: string, data: Uint8Array): Promise<void> {
    if (this.last !== name) {
      await this.close();
      if (!NAME.test(name)) throw new TypeError(`expected the name of a file of an archive, got ${name}`);
      this.#file = await open(join(this.#folder, name), "wx", 0o600);
      this.last = name;
    }
    await this.#file?.writeFile(data);
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.sync();
    await file?.close();
  }
}
