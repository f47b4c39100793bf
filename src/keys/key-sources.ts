import type { IssuerConfig } from '../../schema/config';
import { ConfigError } from '../../schema/config-error';
import type { KeySource } from '../core/verification/key-source';
import type { Log } from '../telemetry/log';
import { readBearerToken } from '../documents/bearer-token-file';
import { readCaFile } from '../documents/ca-file';
import { discoverJwksUri } from './discovery';
import { createDocumentFetcher } from '../documents/document-fetcher';
import { elapsedClock, type Clock } from '../documents/elapsed-clock';
import { FetchError } from '../documents/fetch-error';
import { inlineKeySource } from './inline-key-source';
import { someReasons } from './key-set-document';
import { sharedDocuments } from '../documents/shared-documents';
import { documentFile } from '../documents/document-file';
import { RemoteKeySet, type RemoteKeySetDependencies } from './remote-key-set';

/** What key sources need from the outside. */
export interface KeySourceDependencies {
  /** The time, in milliseconds since the epoch. */
  readonly now: Clock;
  readonly log: Log;
  /** Told why keys in the configuration are not used, in words that hold nothing of them; otherwise the log is. */
  readonly onUnusedKeys?: ((issuer: string, reasons: string) => void) | undefined;
  /** A clock that never steps back, in milliseconds. */
  readonly monotonic?: Clock;
  /** A number from 0 to 1, for jitter. */
  readonly random?: () => number;
}

/** What a provider may call a JWK set (RFC 7517 §8.5.2), or issuer metadata. */
export const MEDIA_TYPES = 'application/jwk-set+json, application/json';

/** Sets that are shared; one that falls out goes on working for who has it. */
const MAX_SHARED_SETS = 256;

/**
 * Returns a function that opens an issuer's keys. A key set on the network is shared by everything that was opened
 * through it with the same settings, so a URL is fetched once for a process, not once for each route, instance or
 * reload: make one of these for each process. Nothing is fetched before a key is asked for. A message on the renewal
 * channel makes all sets that are in use be fetched anew.
 *
 * What it returns throws a `ConfigError` for keys in the configuration that are of no use, and for a `ca_file` or
 * `bearer_token_file` that cannot be read or holds no certificate.
 */
export function createKeySources({
  now: wallClock,
  log,
  onUnusedKeys,
  monotonic = () => performance.now(),
  random = Math.random,
}: KeySourceDependencies): (issuer: IssuerConfig) => KeySource {
  const shared = sharedDocuments<RemoteKeySet>(MAX_SHARED_SETS);
  const now = elapsedClock(wallClock, monotonic);
  return (issuer) => {
    if (issuer.jwksUri === null && issuer.discovery === null) {
      return inlineKeySource(issuer, (skipped) => {
        const reasons = someReasons(skipped);
        if (onUnusedKeys !== undefined) onUnusedKeys(issuer.issuer, reasons);
        else {
          const fields = { issuer: issuer.issuer, skipped: skipped.length, reasons };
          log('warn', 'some keys of jwks in the configuration are not used', fields);
        }
      });
    }
    checkFile(issuer, 'ca_file', issuer.keyFetch.caFile, readCaFile);
    checkFile(issuer, 'bearer_token_file', issuer.keyFetch.bearerTokenFile, readBearerToken);
    const source = issuer.jwksUri ?? issuer.issuer;
    const identity = JSON.stringify([source, issuer.discovery, issuer.keyFetch]);
    return shared(identity, () => {
      const { cacheDirectory, caFile, allowHttp } = issuer.keyFetch;
      // Whatever decides whose keys these are: settings that trust less must not read what others wrote.
      const trust = JSON.stringify({ source, discovery: issuer.discovery, caFile, allowHttp });
      const file = cacheDirectory === null ? undefined : documentFile(cacheDirectory, trust);
      const fetchKeySet = keySetFetcher(issuer, now);
      return new RemoteKeySet(issuer.issuer, issuer.keyFetch, { now, wallClock, log, random, fetchKeySet, file });
    });
  };
}

/** The file is read again for every fetch; here a mistake is found while the configuration is being loaded. */
function checkFile(
  { issuer }: IssuerConfig,
  field: 'ca_file' | 'bearer_token_file',
  path: string | null,
  read: (path: string) => string,
): void {
  if (path === null) return;
  try {
    read(path);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    throw new ConfigError(`config.issuers.key_fetch.${field}`, `${error.message} (issuer ${issuer})`);
  }
}

/**
 * Fetches from `jwks_uri`, or from where the issuer's metadata says; that is looked up again after `max_ttl`. The
 * signal covers it all.
 */
function keySetFetcher(issuer: IssuerConfig, now: Clock): RemoteKeySetDependencies['fetchKeySet'] {
  const { jwksUri, keyFetch } = issuer;
  const fetchCached = createDocumentFetcher(keyFetch, { accept: MEDIA_TYPES });
  const fetchPastCaches = createDocumentFetcher(keyFetch, { accept: MEDIA_TYPES, cacheControl: 'no-cache' });
  if (jwksUri !== null) {
    return ({ validators, isRenewal, signal }) =>
      (isRenewal ? fetchPastCaches : fetchCached)(jwksUri, signal, validators);
  }
  let discovered: { readonly uri: string; readonly until: number } | undefined;
  return async ({ validators, isRenewal, signal }) => {
    const fetchDocument = isRenewal ? fetchPastCaches : fetchCached;
    if (discovered === undefined || isRenewal || now() >= discovered.until) {
      const uri = await discoverJwksUri(issuer, fetchDocument, signal);
      discovered = { uri, until: now() + keyFetch.maxTtl * 1000 };
    }
    try {
      return await fetchDocument(discovered.uri, signal, validators);
    } catch (error) {
      // The keys may have moved: ask for the address anew next time.
      discovered = undefined;
      throw error;
    }
  };
}
