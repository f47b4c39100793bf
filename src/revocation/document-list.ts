import type { ListFetchConfig, RevocationListConfig } from '../../schema/config';
import { createDocumentFetcher, type FetchedDocument } from '../documents/document-fetcher';
import { DocumentReport, type FetchOutcome } from '../documents/document-report';
import type { FetchAttempt, LifeCycleLimits } from '../documents/document-version';
import type { Clock } from '../documents/elapsed-clock';
import { FetchError } from '../documents/fetch-error';
import { RemoteDocument } from '../documents/remote-document';
import { documentFile, type DocumentFile } from '../documents/document-file';
import { openTrustedFile, useTrustedFile } from '../files/trusted-file';
import { UntrustedPathError } from '../files/trusted-path';
import { revocationListChannel } from '../telemetry/channels';
import type { Log } from '../telemetry/log';
import type { ListSource } from './list-source';
import { piecesOf, type Pieces } from './list-text';
import { readRevocationList, type ListRules, type RevocationList } from './revocation-list';
import type { RevocationTable } from './revocation-table';
import { signedPieces, type Signer } from './signed-pieces';

/** What lists need from the outside. */
export interface ListDependencies {
  /** Never steps back, in milliseconds; measures how old a list is. */
  readonly now: Clock;
  /** Milliseconds since the epoch. */
  readonly wallClock: Clock;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly log: Log;
}

/** What a signed list's `typ` must be. */
export const LIST_TYPE = 'revocation-list+jwt';

/** A file is looked at so often while it is in use, in seconds. */
const FILE_TTL = 1;
/** For reading a file of a million entries on a busy machine, in milliseconds. */
const FILE_TIMEOUT_MS = 30_000;
/** As for a list from a URL, at the most. */
const MAX_FILE_BYTES = 256 * 1024 * 1024;

/** A list that is one document: a file, or a plain or signed document at a URL. */
export class DocumentList implements ListSource {
  readonly name: string;
  readonly #document: RemoteDocument<RevocationList>;

  /** @param signer - who must have signed it; `undefined`: it is plain JSON */
  constructor(config: RevocationListConfig, signer: Signer | undefined, dependencies: ListDependencies) {
    const { file, url, maxStale, maxEntries, allowUnavailable, listFetch, issuer } = config;
    if (config.signed && signer === undefined) throw new TypeError('a signed list without its signer');
    const { log, wallClock, ...clocks } = dependencies;
    const name = file ?? url ?? '';
    this.name = name;
    const rules: ListRules = { maxEntries, issuer: issuer ?? undefined };
    const limits: LifeCycleLimits =
      file === null
        ? { ...listFetch, maxStale }
        : {
            ...{ ttl: FILE_TTL, minTtl: FILE_TTL, maxTtl: FILE_TTL, cooldown: FILE_TTL },
            ...{ maxStale, timeoutMs: FILE_TIMEOUT_MS },
          };
    const observer = listObserver(name);
    const kept = listFile(listFetch, name, signer !== undefined, issuer);
    this.#document = new RemoteDocument({
      ...clocks,
      wallClock,
      limits,
      file: file === null ? kept : kept && timesOf(kept),
      fetch: file === null ? urlFetcher(name, config, signer !== undefined) : fileFetcher(file),
      parse: (body) => readRevocationList(listPieces(body as Pieces, signer), rules, wallClock() / 1000),
      write: (_, body) => body,
      sizes: ({ table }) => ({ entries: table.size }),
      report: new DocumentReport(listSubject(name, allowUnavailable), wallClock, log, observer.onState),
      onAttempt: observer.onAttempt,
    });
  }

  current(): RevocationTable | undefined {
    return this.#document.current()?.table;
  }

  async load(): Promise<RevocationTable | undefined> {
    return (await this.#document.load())?.table;
  }

  get retryAfterSeconds(): number {
    return this.#document.retryAfterSeconds;
  }

  /** Why the last attempt failed, when it did and the reason holds nothing of the document. */
  get failure(): FetchError | undefined {
    return this.#document.failure;
  }

  renew(): Promise<void> {
    return this.#document.renew();
  }
}

/** What the log calls a list. */
export function listSubject(name: string, allowUnavailable: boolean): ConstructorParameters<typeof DocumentReport>[0] {
  return {
    what: 'revocations',
    whenUnavailable: allowUnavailable
      ? 'revoked tokens are accepted (allow_unavailable)'
      : 'requests are refused with 503',
    fields: { list: name },
  };
}

/** Tells metrics about a list. */
function listObserver(list: string): {
  readonly onState: (state: 'fresh' | 'stale' | 'unavailable', fetchedAtMs: number | undefined) => void;
  readonly onAttempt: (outcome: FetchOutcome, durationMs: number, usable: RevocationList | undefined) => void;
} {
  return {
    onState: (state, readAtMs = 0) => {
      if (revocationListChannel.hasSubscribers) revocationListChannel.publish({ list, state, readAtMs });
    },
    onAttempt: (_, __, usable) => {
      if (!revocationListChannel.hasSubscribers) return;
      revocationListChannel.publish({ list, entries: usable?.table.size ?? 0 });
    },
  };
}

function listPieces(body: Pieces, signer: Signer | undefined): Pieces {
  const pieces = piecesOf(body);
  return signer === undefined ? pieces : signedPieces(pieces, signer);
}

/**
 * Returns where the last good list is kept, if it is to be kept.
 *
 * @param trust - whatever decides whose list this is: settings that trust less must not read what others wrote
 */
export function listFile(
  { cacheDirectory, maxBytes, caFile, allowHttp }: ListFetchConfig,
  ...trust: readonly unknown[]
): DocumentFile | undefined {
  if (cacheDirectory === null) return undefined;
  const source = JSON.stringify([...trust, caFile, allowHttp]);
  return documentFile(cacheDirectory, source, { format: 'chunks', maxBytes });
}

/** Keeps how new a list in a file was. The list itself is in the file, so it is neither written nor read again. */
function timesOf(kept: DocumentFile): DocumentFile {
  return {
    readTimes: () => kept.readTimes(),
    write: (stored) => kept.write({ ...stored, body: [] }),
    confirm: () => Promise.resolve(),
    read: () => Promise.resolve(undefined),
  };
}

function urlFetcher(
  url: string,
  { listFetch }: RevocationListConfig,
  isSigned: boolean,
): (attempt: FetchAttempt) => Promise<FetchedDocument> {
  const accept = isSigned ? `application/${LIST_TYPE}, application/jwt` : 'application/json';
  const format = 'stream';
  const fetchCached = createDocumentFetcher(listFetch, { accept, format });
  const fetchPastCaches = createDocumentFetcher(listFetch, { accept, format, cacheControl: 'no-cache' });
  return ({ validators, isRenewal, signal }) => (isRenewal ? fetchPastCaches : fetchCached)(url, signal, validators);
}

const NO_HEADERS = { cacheControl: undefined, age: undefined, expires: undefined, date: undefined };

function fileFetcher(path: string): (attempt: FetchAttempt) => Promise<FetchedDocument> {
  return ({ validators, isRenewal }) =>
    // A promise, so that what it throws is a failed attempt.
    new Promise((resolve) => {
      resolve(
        explained(path, () =>
          useTrustedFile(
            path,
            'public',
            (file) =>
              file.version === validators?.etag && !isRenewal
                ? { status: 'not_modified', freshness: NO_HEADERS }
                : {
                    status: 'ok',
                    body: filePieces(path),
                    freshness: NO_HEADERS,
                    validators: { url: path, etag: file.version, lastModified: undefined },
                  },
            MAX_FILE_BYTES,
          ),
        ),
      );
    });
}

/** Opened when it is read, so that nothing stays open that is not read. */
async function* filePieces(path: string): AsyncGenerator<Uint8Array> {
  const file = explained(path, () => openTrustedFile(path, 'public', MAX_FILE_BYTES));
  try {
    yield* file.pieces();
  } catch (error) {
    throw readError(path, error);
  } finally {
    file.close();
  }
}

function explained<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw readError(path, error);
  }
}

function readError(path: string, error: unknown): FetchError {
  if (error instanceof UntrustedPathError) return new FetchError(error.message);
  return new FetchError(`${path} cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'})`);
}
