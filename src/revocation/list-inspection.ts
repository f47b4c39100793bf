import type { IssuerConfig, RevocationListConfig } from '../../schema/config';
import type { KeySource } from '../core/verification/key-source';
import { DocumentList, LIST_TYPE } from './document-list';

/** What became of a list: how many entries it has, why it cannot be used, or that it was not asked. */
export type ListInspection =
  { readonly entries: number } | { readonly problem: string } | { readonly notAsked: string };

/**
 * Reads a list as the plugin does, from its file or with GET requests within the limits of `list_fetch`. A list in Redis
 * is not asked. Never rejects for anything that a server or a file can do.
 */
export async function inspectRevocationList(
  list: RevocationListConfig,
  issuers: readonly IssuerConfig[],
  keySourceFor: (issuer: IssuerConfig) => KeySource,
): Promise<ListInspection> {
  if (list.redis !== null)
    return { notAsked: 'it takes more than GET requests; the metric jwt_identity_revocation_list_state tells of it' };
  const signer = list.signed ? issuers.find(({ issuer }) => issuer === list.issuer) : undefined;
  // It leaves nothing behind, and says nothing of what is kept.
  const keysOf = (issuer: IssuerConfig): KeySource =>
    keySourceFor({ ...issuer, keyFetch: { ...issuer.keyFetch, cacheDirectory: null } });
  const signing = signer && { keys: keysOf(signer), algorithms: signer.algorithms, type: LIST_TYPE };
  const listFetch = { ...list.listFetch, cacheDirectory: null };
  const source = new DocumentList({ ...list, listFetch }, signing, {
    now: () => performance.now(),
    wallClock: Date.now,
    random: Math.random,
    log: () => undefined,
  });
  const table = await source.load();
  if (table !== undefined) return { entries: table.size };
  return { problem: source.failure?.message ?? 'it cannot be used' };
}
