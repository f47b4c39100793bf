import { readFileSync } from 'node:fs';
import { Agent, ProxyAgent, request, type Dispatcher } from 'undici';
import type { KeyFetchConfig } from '../../schema/config';
import { guardedLookup, refusedLiteral } from './address-guard';
import type { FreshnessHeaders } from './freshness';

/** What identifies a version of a document that is already there (RFC 9110 §8.8). */
export interface Validators {
  readonly etag: string | undefined;
  readonly lastModified: string | undefined;
}

/** A fetched JSON document, or word that the one that is there is still right. */
export type FetchedDocument =
  | {
      readonly status: 'ok';
      readonly body: unknown;
      readonly freshness: FreshnessHeaders;
      readonly validators: Validators;
    }
  | { readonly status: 'not_modified'; readonly freshness: FreshnessHeaders };

/** Fetches a JSON document. Rejects with a {@link FetchError} for anything a provider or a network can do. */
export type FetchDocument = (url: string, validators?: Validators) => Promise<FetchedDocument>;

/** A document could not be had. The message is made for the log and quotes nothing of the document. */
export class FetchError extends Error {
  override readonly name = 'FetchError';

  constructor(
    message: string,
    /** HTTP status, when it was a status that made it fail. */
    readonly status?: number,
  ) {
    super(message);
  }
}

/**
 * Returns a fetcher with one issuer's limits. One deadline covers everything from the name lookup to the last byte;
 * redirects, compressed bodies (a small one may unpack to gigabytes) and larger bodies are errors. TLS certificates are
 * verified, against `ca_file` where given. Proxy variables of the environment are not looked at: only `proxy_url` counts.
 *
 * @throws Error when `ca_file` cannot be read
 */
export function createDocumentFetcher(config: KeyFetchConfig): FetchDocument {
  const dispatcher = createDispatcher(config);
  return async (url, validators) => {
    if (!config.allowLinkLocal && refusedLiteral(new URL(url)) !== undefined) {
      throw new FetchError('the URL leads to a link-local address');
    }
    try {
      const response = await request(url, {
        dispatcher,
        signal: AbortSignal.timeout(config.timeoutMs),
        headers: {
          accept: 'application/jwk-set+json, application/json',
          'accept-encoding': 'identity',
          'user-agent': 'kong-plugin-jwt-identity',
          ...(validators?.etag !== undefined && { 'if-none-match': validators.etag }),
          ...(validators?.lastModified !== undefined && { 'if-modified-since': validators.lastModified }),
        },
      });
      return await readResponse(response, config.maxBytes);
    } catch (error) {
      throw error instanceof FetchError ? error : new FetchError(describe(error, config));
    }
  };
}

function createDispatcher({ timeoutMs, maxBytes, caFile, proxyUrl, allowLinkLocal }: KeyFetchConfig): Dispatcher {
  const tls = caFile === null ? {} : { ca: readFileSync(caFile, 'utf8') };
  const limits = { maxResponseSize: maxBytes, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, connections: 1 };
  if (proxyUrl !== null) return new ProxyAgent({ uri: proxyUrl, requestTls: tls, ...limits });
  const lookup = allowLinkLocal ? {} : { lookup: guardedLookup };
  return new Agent({ ...limits, connect: { timeout: timeoutMs, ...tls, ...lookup } });
}

async function readResponse(response: Dispatcher.ResponseData, maxBytes: number): Promise<FetchedDocument> {
  const { statusCode, body } = response;
  const header = (name: string): string | undefined => {
    const value = response.headers[name];
    return Array.isArray(value) ? value.join(', ') : value;
  };
  const freshness = {
    cacheControl: header('cache-control'),
    age: header('age'),
    expires: header('expires'),
    date: header('date'),
  };
  if (statusCode === 304 || statusCode !== 200) {
    body.destroy();
    if (statusCode === 304) return { status: 'not_modified', freshness };
    const what = statusCode >= 300 && statusCode < 400 ? 'a redirect, which is not followed' : 'not 200';
    throw new FetchError(`the provider answered ${statusCode}, ${what}`, statusCode);
  }
  const encoding = header('content-encoding');
  if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
    body.destroy();
    throw new FetchError('the provider compressed its answer, which was not asked for');
  }
  const bytes = await body.bytes();
  if (bytes.length > maxBytes) throw new FetchError(`the document has more than ${maxBytes} bytes`);
  const validators = { etag: header('etag'), lastModified: header('last-modified') };
  return { status: 'ok', body: parseJson(bytes), freshness, validators };
}

function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    throw new FetchError('the document is not JSON');
  }
}

/** Codes of undici, Node and OpenSSL are for operators; messages may quote what a provider sent. */
function describe(error: unknown, { timeoutMs, maxBytes }: KeyFetchConfig): string {
  const { name, code } = (error ?? {}) as { name?: string; code?: string };
  if (name === 'TimeoutError' || name === 'AbortError') return `no complete answer within ${timeoutMs} ms`;
  if (code === 'UND_ERR_RES_EXCEEDED_MAX_SIZE') return `the document has more than ${maxBytes} bytes`;
  return `the connection failed (${code ?? (error instanceof Error ? error.message : 'unknown')})`;
}
