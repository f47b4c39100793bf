import { LRUCache } from 'lru-cache';
import type { StatusListConfig } from '../../schema/config';
import { Refusal } from '../core/refusal/refusal';
import type { KeySource } from '../core/verification/key-source';
import type { RevocationCheck } from '../core/verification/revocation';
import type { VerifiedToken } from '../core/verification/verified-token';
import { createDocumentFetcher } from '../documents/document-fetcher';
import { DocumentReport } from '../documents/document-report';
import { RemoteDocument } from '../documents/remote-document';
import { renewalChannel, revocationListChannel } from '../telemetry/channels';
import { listFile, listSubject, type ListDependencies } from './document-list';
import { listUnavailable } from './list-unavailable';
import { readSignedText, type Signer } from './signed-pieces';
import { readStatusList, STATUS_LIST_TYPE, statusAt, statusReference, type StatusList } from './status-list';

/** References to lists after which those to lists that are gone are dropped. */
const MAX_KNOWN = 1000;

type Lists = LRUCache<string, RemoteDocument<StatusList>>;

/**
 * Returns the check of tokens against the status lists that they refer to. Lists are fetched from where the configuration
 * of the token's entry allows, and verified with the keys of the very key source that verified the token; of a set that
 * several issuers share, with none that names another issuer. One is shared by all configurations with the same settings.
 *
 * @see Token Status List (draft-ietf-oauth-status-list-20) §8.3
 */
export function createStatusLists(dependencies: ListDependencies): RevocationCheck {
  const byKeys = new WeakMap<KeySource, Map<string, Lists>>();
  const identities = new WeakMap<StatusListConfig, string>();
  const known = new Set<WeakRef<RemoteDocument<StatusList>>>();
  const forgetUnused = (): void => {
    for (const reference of known) if (reference.deref() === undefined) known.delete(reference);
  };
  renewalChannel.subscribe(() => {
    forgetUnused();
    for (const reference of known) void reference.deref()?.renew();
  });

  const listsOf = (keys: KeySource, config: StatusListConfig): Lists => {
    let identity = identities.get(config);
    if (identity === undefined) identities.set(config, (identity = JSON.stringify(config)));
    const byConfig = byKeys.get(keys) ?? new Map<string, Lists>();
    byKeys.set(keys, byConfig);
    const lists = byConfig.get(identity) ?? new LRUCache({ max: config.maxLists });
    byConfig.set(identity, lists);
    return lists;
  };
  const listAt = (
    uri: string,
    { keys, issuer, caller }: VerifiedToken,
    config: StatusListConfig,
  ): RemoteDocument<StatusList> | undefined => {
    const lists = listsOf(keys, config);
    const iss = issuer.keysNameIssuer ? caller.issuer : undefined;
    const id = JSON.stringify([uri, iss]);
    const found = lists.get(id);
    if (found !== undefined) return found;
    if (!isAllowed(uri, config.uriPrefixes)) return undefined;
    const signer = { keys, iss, algorithms: [...issuer.algorithms], type: STATUS_LIST_TYPE };
    const opened = openList(uri, signer, config, dependencies);
    lists.set(id, opened);
    if (known.size >= MAX_KNOWN) forgetUnused();
    known.add(new WeakRef(opened));
    return opened;
  };

  return (token, _, observe) => {
    const config = token.issuer.statusList;
    if (config === undefined || config === null) return undefined;
    const reference = statusReference(token.claims);
    if (reference === undefined) {
      return config.required ? new Refusal('claim_missing', 'required claim status.status_list') : undefined;
    }
    if (typeof reference === 'string') return new Refusal('claim_invalid', reference);
    const { uri, idx } = reference;
    const document = listAt(uri, token, config);
    if (document === undefined) {
      return new Refusal('claim_invalid', 'status.status_list.uri is not below one of uri_prefixes');
    }
    const judge = (list: StatusList | undefined): Refusal | undefined => {
      const status = list && statusAt(list, idx);
      observe?.('revocation', `status list: ${list === undefined ? 'not available' : `status ${String(status)}`}`);
      if (list !== undefined) return refusalOf(status);
      if (config.allowUnavailable) return undefined;
      return listUnavailable('no usable status list', undefined, document);
    };
    const list = document.current();
    return list === undefined ? document.load().then(judge) : judge(list);
  };
}

/** Only 0 is valid. What others mean besides "invalid" and "suspended" is for applications to say, and none is here. */
function refusalOf(status: number | undefined): Refusal | undefined {
  if (status === 0) return undefined;
  const words: Readonly<Record<number, string>> = { 1: 'is invalid', 2: 'is suspended' };
  const said = status === undefined ? 'is outside of it' : (words[status] ?? 'has another status than valid');
  return new Refusal('token_revoked', `the status list says that the token ${said}`);
}

/** A URL that is written in another way than it is asked for could lead out of the prefix (`/lists/../x`). */
function isAllowed(uri: string, prefixes: readonly string[]): boolean {
  return prefixes.some((prefix) => uri.startsWith(prefix)) && URL.canParse(uri) && new URL(uri).href === uri;
}

function openList(
  uri: string,
  signer: Signer,
  { maxStale, maxListBytes, allowUnavailable, listFetch }: StatusListConfig,
  { log, wallClock, ...clocks }: ListDependencies,
): RemoteDocument<StatusList> {
  const accept = `application/${STATUS_LIST_TYPE}`;
  const fetchCached = createDocumentFetcher(listFetch, { accept, format: 'chunks' });
  const fetchPastCaches = createDocumentFetcher(listFetch, { accept, format: 'chunks', cacheControl: 'no-cache' });
  return new RemoteDocument({
    ...clocks,
    wallClock,
    limits: { ...listFetch, maxStale },
    file: listFile(listFetch, uri, STATUS_LIST_TYPE),
    fetch: ({ validators, isRenewal, signal }) => (isRenewal ? fetchPastCaches : fetchCached)(uri, signal, validators),
    parse: async (body) => {
      const text = await readSignedText(body as readonly Uint8Array[], signer);
      return readStatusList(text, uri, maxListBytes, wallClock() / 1000);
    },
    write: (_, body) => body,
    sizes: ({ bytes, bits }) => ({ statuses: (bytes.length * 8) / bits }),
    report: new DocumentReport(listSubject(uri, allowUnavailable), wallClock, log, (state, readAtMs = 0) => {
      if (revocationListChannel.hasSubscribers) revocationListChannel.publish({ list: uri, state, readAtMs });
    }),
  });
}
