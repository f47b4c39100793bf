import { randomUUID } from 'node:crypto';
import { lstat, open, readdir, rename, rm, type FileHandle } from 'node:fs/promises';
import { openTrustedFolder, type TrustedFolder } from '../files/trusted-folder';
import { FetchError } from './fetch-error';

/** How much is written at once: few turns of the event loop, and little memory. */
const BATCH_BYTES = 1024 * 1024;
/** How long reading may wait for the disk in all, in milliseconds. A fetch has a few seconds. */
const MAX_WAIT_MS = 2000;
/** What a process that was killed left behind is removed after this time, in milliseconds. No fetch takes as long. */
const LEFT_BEHIND_MS = 10 * 60 * 1000;

/**
 * The next contents of a file, written piece by piece into a file beside it, which takes its place at once or not at all.
 * The first bytes are written last. What goes wrong is said at the end: the disk must not stop the reader.
 *
 * It holds the folder open until it has ended: call {@link replace} or {@link discard}.
 */
export class FileDraft {
  readonly #temporary: string;
  #opened: { readonly folder: TrustedFolder; readonly file: FileHandle } | undefined;
  #batch: Uint8Array[] = [];
  #batchBytes = 0;
  /** Resolves when all batches so far are on the disk, or have failed. */
  #written: Promise<void> = Promise.resolve();
  #waitedMs = 0;
  #problem: { readonly error: unknown } | undefined;

  /** @param headBytes - how many bytes to leave free for what is known at the end */
  constructor(
    private readonly directory: string,
    private readonly name: string,
    headBytes: number,
  ) {
    this.#temporary = `${name}.${randomUUID()}`;
    void this.append(new Uint8Array(headBytes));
  }

  /** Adds a copy of a piece. What it returns resolves when the next piece may come; it never rejects. */
  append(piece: Uint8Array): Promise<void> | undefined {
    if (this.#problem !== undefined) return undefined;
    this.#batch.push(new Uint8Array(piece));
    this.#batchBytes += piece.length;
    return this.#batchBytes < BATCH_BYTES ? undefined : this.#flush();
  }

  /**
   * Puts the draft in the place of the file, unless `isWanted` says no. Rejects when the disk did not let it or the folder
   * is not safe. Nothing of the draft is left then.
   *
   * @param head - the first bytes, as many as were left free
   */
  async replace(head: Uint8Array, isWanted: (folder: TrustedFolder) => Promise<boolean>): Promise<void> {
    try {
      await this.#flush();
      await this.#written;
      if (this.#problem !== undefined) throw this.#problem.error;
      const { folder, file } = await this.#open();
      if (!(await isWanted(folder))) return;
      await file.write(head, 0, head.length, 0);
      await file.close();
      await rename(folder.at(this.#temporary), folder.at(this.name));
    } finally {
      await this.discard();
    }
  }

  /** Removes what was written. Pieces that come later are not. Never rejects. */
  async discard(): Promise<void> {
    this.#fail(new FetchError('the draft was discarded'));
    await this.#written;
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened === undefined) return;
    await opened.file.close().catch(() => undefined);
    // After a rename it is not there any more.
    await rm(opened.folder.at(this.#temporary), { force: true }).catch(() => undefined);
    opened.folder.close();
  }

  async #flush(): Promise<void> {
    const since = performance.now();
    await this.#written;
    this.#waitedMs += performance.now() - since;
    if (this.#waitedMs > MAX_WAIT_MS) this.#fail(new FetchError('the disk is too slow'));
    const bytes = Buffer.concat(this.#batch);
    [this.#batch, this.#batchBytes] = [[], 0];
    this.#written = this.#write(bytes);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#problem !== undefined) return;
    try {
      const { file } = await this.#open();
      await file.writeFile(bytes);
    } catch (error) {
      this.#fail(error);
    }
  }

  async #open(): Promise<{ readonly folder: TrustedFolder; readonly file: FileHandle }> {
    if (this.#opened !== undefined) return this.#opened;
    const folder = openTrustedFolder(this.directory, 0o700);
    try {
      await removeLeftBehind(folder, `${this.name}.`);
      // `wx` follows no link, whatever others may have put there.
      this.#opened = { folder, file: await open(folder.at(this.#temporary), 'wx', 0o600) };
      return this.#opened;
    } catch (error) {
      folder.close();
      throw error;
    }
  }

  #fail(error: unknown): void {
    this.#problem ??= { error };
    this.#batch = [];
  }
}

/** Removes drafts of processes that were killed. */
async function removeLeftBehind(folder: TrustedFolder, prefix: string): Promise<void> {
  for (const name of await readdir(folder.at('.'))) {
    if (!name.startsWith(prefix)) continue;
    const status = await lstat(folder.at(name)).catch(() => undefined);
    if (status !== undefined && Date.now() - status.mtimeMs > LEFT_BEHIND_MS) {
      await rm(folder.at(name), { force: true }).catch(() => undefined);
    }
  }
}
