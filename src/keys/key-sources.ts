import { LRUCache } from 'lru-cache';
import type { IssuerConfig } from '../../schema/config';
import type { KeySource } from '../core/key-source';
import type { Log } from '../telemetry/log';
import { discoverJwksUri } from './discovery';
import { createDocumentFetcher, type FetchDocument } from './document-fetcher';
import { inlineKeySource } from './inline-key-source';
import { keySetFile } from './key-set-file';
import { RemoteKeySet, type RemoteKeySetDependencies } from './remote-key-set';

/** What key sources need from the outside. */
export interface KeySourceDependencies {
  /** The time, in milliseconds since the epoch. */
  readonly now: () => number;
  readonly log: Log;
  /** A number from 0 to 1, for jitter. */
  readonly random?: () => number;
}

/** Sets that are shared; one that falls out goes on working for who has it. */
const MOST_SHARED_SETS = 256;

/**
 * Returns a function that opens an issuer's keys. A key set on the network is shared by everything that was opened
 * through it with the same settings, so a URL is fetched once for a process, not once for each route, instance or
 * reload: make one of these for each process.
 *
 * What it returns throws a `ConfigError` for keys in the configuration that are of no use.
 */
export function createKeySources({
  now,
  log,
  random = Math.random,
}: KeySourceDependencies): (issuer: IssuerConfig) => KeySource {
  const shared = new LRUCache<string, KeySource>({ max: MOST_SHARED_SETS });
  return (issuer) => {
    if (issuer.jwksUri === null && issuer.discovery === null) return inlineKeySource(issuer);
    const source = issuer.jwksUri ?? issuer.issuer;
    const identity = JSON.stringify([source, issuer.discovery, issuer.keyFetch]);
    const known = shared.get(identity);
    if (known !== undefined) return known;
    const { cacheDirectory } = issuer.keyFetch;
    const file = cacheDirectory === null ? undefined : keySetFile(cacheDirectory, source);
    const fetchKeySet = keySetFetcher(issuer, createDocumentFetcher(issuer.keyFetch), now);
    const opened = new RemoteKeySet(issuer.issuer, issuer.keyFetch, { now, log, random, fetchKeySet, file });
    shared.set(identity, opened);
    return opened;
  };
}

/** Fetches from `jwks_uri`, or from where the issuer's metadata says; that is looked up again after `max_ttl`. */
function keySetFetcher(
  issuer: IssuerConfig,
  fetchDocument: FetchDocument,
  now: () => number,
): RemoteKeySetDependencies['fetchKeySet'] {
  const { jwksUri } = issuer;
  if (jwksUri !== null) return (validators) => fetchDocument(jwksUri, validators);
  let discovered: { uri: string; until: number } | undefined;
  return async (validators) => {
    if (discovered === undefined || now() >= discovered.until) {
      const uri = await discoverJwksUri(issuer, fetchDocument);
      discovered = { uri, until: now() + issuer.keyFetch.maxTtl * 1000 };
    }
    try {
      return await fetchDocument(discovered.uri, validators);
    } catch (error) {
      // The keys may have moved: ask for the address anew next time.
      discovered = undefined;
      throw error;
    }
  };
}
