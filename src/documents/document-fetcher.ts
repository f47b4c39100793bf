import { Agent, ProxyAgent, request, type Dispatcher } from 'undici';
import { guardedLookup, namesRefusedAddress, plainLookup } from './address-guard';
import { readBearerToken } from './bearer-token-file';
import { readCaFile } from './ca-file';
import { bodyParsers, tooLarge, unpacked, unpackedStream, type BodyForm } from './document-body';
import { FetchError } from './fetch-error';
import type { FreshnessHeaders } from './freshness';

/** What identifies a version of a document that is already there (RFC 9110 §8.8). */
export interface Validators {
  /** Where the document came from. Elsewhere the same `ETag` may stand for another one. */
  readonly url: string;
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** A fetched document, or word that the one that is there is still right. */
export type FetchedDocument =
  | {
      readonly status: 'ok';
      /** The JSON value, the text or the bytes, as was asked for. */
      readonly body: unknown;
      readonly freshness: FreshnessHeaders;
      readonly validators: Validators;
    }
  | { readonly status: 'not_modified'; readonly freshness: FreshnessHeaders };

/**
 * Fetches a document. Rejects with a {@link FetchError} for anything a provider or a network can do.
 *
 * @param signal - ends it, at the latest when its time is up; a body that is read while it comes needs it for its end, too
 * @param validators - of the version that is there; used for the URL that it came from only
 */
export type FetchDocument = (url: string, signal: AbortSignal, validators?: Validators) => Promise<FetchedDocument>;

/** How documents of one provider are reached, and what one may cost. */
export interface FetchLimits {
  /** The most bytes of a body. */
  readonly maxBytes: number;
  /** Milliseconds after which the signal ends a fetch; for the message only. */
  readonly timeoutMs: number;
  /** Path of a PEM file with the certificate authorities that count, or `system`; those of Node without it. */
  readonly caFile: string | null;
  readonly proxyUrl: string | null;
  /** Path of a file with a token for the `Authorization` header of every request; none without it. */
  readonly bearerTokenFile?: string | null;
  /** Whether link-local addresses and cloud metadata services may be asked. */
  readonly allowLinkLocal: boolean;
}

/** What is asked for. */
export interface DocumentRequest {
  /** Media types for `Accept`. */
  readonly accept?: string;
  /**
   * Whether the body is JSON, UTF-8 text such as a signed document, a list of bytes, or a `stream`: bytes that somebody
   * reads once, while they come (`AsyncIterable<Uint8Array>`). What goes wrong then is a {@link FetchError} of the reading.
   */
  readonly format?: BodyForm | 'stream';
  /** Further headers, such as `authorization`, by names in lower case. They go to every URL that is asked. */
  readonly headers?: Readonly<Record<string, string>>;
  /** `no-cache` asks the provider itself, past every cache (RFC 9111 §5.2.1.4). */
  readonly cacheControl?: 'no-cache' | undefined;
}

/** How much of a body that is read while it comes may wait for its reader. */
const AHEAD_BYTES = 4 * 1024 * 1024;

/**
 * Returns a fetcher with one provider's limits. The signal covers everything from the name lookup to the last byte;
 * larger bodies are errors, unpacked or not. One redirect within the origin is followed; a gzip body is unpacked.
 * Everything else that a server may do to its answer is an error. TLS certificates are
 * verified, against `ca_file` where given. Proxy variables of the environment are not looked at: only `proxy_url` counts.
 * A proxy looks names up itself, so behind one only URLs that name a link-local address outright are refused.
 */
export function createDocumentFetcher(config: FetchLimits, asked: DocumentRequest = {}): FetchDocument {
  return async (url, signal, validators) => {
    if (!config.allowLinkLocal && namesRefusedAddress(new URL(url))) {
      throw new FetchError('the URL leads to a link-local or metadata address');
    }
    // A socket that is opened with a signal that is over already would stay open.
    if (signal.aborted) throw new FetchError(timedOut(config));
    // Fetches are minutes apart: a connection of its own for each leaves nothing behind that hangs or is out of date.
    const dispatcher = createDispatcher(config, signal);
    const end = (): void => void dispatcher.destroy();
    const explained = (error: unknown): FetchError =>
      error instanceof FetchError ? error : new FetchError(describe(error, signal, config));
    let isComing = false;
    try {
      const headers = { ...requestHeaders(url, asked, validators), ...authorization(config) };
      const options = { dispatcher, signal, headers, ...(asked.format === 'stream' && { highWaterMark: AHEAD_BYTES }) };
      const first = await request(url, options);
      const moved = redirectTarget(url, first);
      if (moved !== undefined) await first.body.dump({ limit: config.maxBytes });
      const response = moved === undefined ? first : await request(moved, options);
      const document = await readResponse(url, response, config.maxBytes, asked.format ?? 'json');
      if (document.status !== 'ok' || asked.format !== 'stream') return document;
      signal.throwIfAborted();
      isComing = true;
      // The connection is let go of with the attempt, also when nobody begins to read.
      signal.addEventListener('abort', end, { once: true });
      return { ...document, body: explainedPieces(document.body as AsyncIterable<Uint8Array>, explained) };
    } catch (error) {
      throw explained(error);
    } finally {
      if (!isComing) end();
    }
  };
}

async function* explainedPieces(
  pieces: AsyncIterable<Uint8Array>,
  explained: (error: unknown) => FetchError,
): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (error) {
    throw explained(error);
  }
}

function createDispatcher(config: FetchLimits, signal: AbortSignal): Dispatcher {
  const { caFile, proxyUrl, maxBytes, allowLinkLocal } = config;
  const connect = {
    // The environment variable NODE_TLS_REJECT_UNAUTHORIZED must not decide whose keys are believed.
    rejectUnauthorized: true,
    ...(caFile !== null && { ca: caCertificates(caFile) }),
    // Ends a connection that is still being made; undici would let it go on after the request was given up.
    signal,
    timeout: 0,
  };
  const limits = { maxResponseSize: maxBytes, connections: 1 };
  if (proxyUrl !== null) {
    const proxyTls = { ...connect, lookup: plainLookup };
    return new ProxyAgent({ uri: proxyUrl, requestTls: connect, proxyTls, ...limits });
  }
  return new Agent({ ...limits, connect: { ...connect, lookup: allowLinkLocal ? plainLookup : guardedLookup } });
}

function caCertificates(caFile: string): string {
  try {
    return readCaFile(caFile);
  } catch (error) {
    throw new FetchError(`ca_file: ${(error as FetchError).message}`);
  }
}

function requestHeaders(
  url: string,
  { accept = 'application/json', headers, cacheControl }: DocumentRequest,
  validators: Validators | undefined,
): Record<string, string> {
  const { etag, lastModified } = validators?.url === url ? validators : {};
  return {
    ...headers,
    accept,
    'accept-encoding': 'identity',
    'user-agent': 'kong-plugin-jwt-identity',
    ...(etag !== undefined && { 'if-none-match': etag }),
    ...(lastModified !== undefined && { 'if-modified-since': lastModified }),
    ...(cacheControl !== undefined && { 'cache-control': cacheControl }),
  };
}

function authorization({ bearerTokenFile = null }: FetchLimits): Record<string, string> {
  if (bearerTokenFile === null) return {};
  try {
    return { authorization: `Bearer ${readBearerToken(bearerTokenFile)}` };
  } catch (error) {
    throw new FetchError(`bearer_token_file: ${(error as FetchError).message}`);
  }
}

/** RFC 9110 §15.4: those that mean "ask there with GET". */
const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];

/**
 * Returns where an answer leads, when it is a redirect within the origin. Anything further away would let a provider
 * choose whom the gateway asks, and who gets its token.
 */
function redirectTarget(url: string, { statusCode, headers }: Dispatcher.ResponseData): string | undefined {
  if (!REDIRECTS.includes(statusCode)) return undefined;
  const { location } = headers;
  const target = typeof location === 'string' && URL.canParse(location, url) ? new URL(location, url) : undefined;
  const { origin } = new URL(url);
  if (target?.origin !== origin || target.username !== '' || target.password !== '') {
    const reason = `the provider answered ${statusCode}, a redirect to another origin, which is not followed`;
    throw new FetchError(reason, statusCode);
  }
  return target.href;
}

async function readResponse(
  url: string,
  { statusCode, headers, body }: Dispatcher.ResponseData,
  maxBytes: number,
  format: BodyForm | 'stream',
): Promise<FetchedDocument> {
  const header = (name: string): string | undefined => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  const freshness = {
    cacheControl: header('cache-control'),
    age: header('age'),
    expires: header('expires'),
    date: header('date'),
  };
  if (statusCode === 304) return { status: 'not_modified', freshness };
  if (statusCode !== 200) {
    const what = statusCode >= 300 && statusCode < 400 ? 'a second redirect, which is not followed' : 'not 200';
    throw new FetchError(`the provider answered ${statusCode}, ${what}`, statusCode);
  }
  const validators = { url, etag: plain(header('etag')), lastModified: plain(header('last-modified')) };
  const coding = header('content-encoding');
  const readBody = async (): Promise<unknown> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of body) chunks.push(chunk as Uint8Array);
    const unpackedChunks = await unpacked(coding, chunks, maxBytes);
    if (unpackedChunks.reduce((sum, { length }) => sum + length, 0) > maxBytes) throw tooLarge(maxBytes);
    return bodyParsers[format as BodyForm](unpackedChunks);
  };
  const read = format === 'stream' ? unpackedStream(coding, body, maxBytes) : await readBody();
  return { status: 'ok', body: read, freshness, validators };
}

/** A validator that can be sent back. Others would make every further request fail on our side. */
function plain(text: string | undefined): string | undefined {
  return text !== undefined && /^[\x20-\x7e]{1,1024}$/.test(text) ? text : undefined;
}

/** Codes of undici, Node and OpenSSL are for operators; messages may quote what a provider sent. */
function describe(error: unknown, signal: AbortSignal, config: FetchLimits): string {
  const { name, code } = error as { name?: string; code?: string };
  if (signal.aborted) return timedOut(config);
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return tooLarge(config.maxBytes).message;
  // Undici's word for a proxy that does not make the connection.
  if (code === 'UND_ERR_ABORTED') return 'the proxy refused the connection';
  return `the connection failed (${code ?? name ?? 'unknown'})`;
}

function timedOut({ timeoutMs }: FetchLimits): string {
  return `no complete answer within ${timeoutMs} ms`;
}
