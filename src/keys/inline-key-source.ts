import { createPublicKey, createSecretKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { IssuerConfig } from '../../schema/config';
import { ConfigError } from '../../schema/config-error';
import { secretBytes } from '../../schema/rules/secret';
import type { KeySource, VerificationKey } from '../core/verification/key-source';
import { FetchError } from '../documents/fetch-error';
import { algorithmsOf } from './key-algorithms';
import { keyFindings } from './key-findings';
import { restrictKeys, selectKey } from './key-selection';
import { readKeySet, type KeySetDocument } from './key-set-document';

/** As many as `max_keys` allows at most for a key set from the network. */
const MAX_KEYS = 1000;

/**
 * Returns the keys that the configuration itself contains: `jwks`, `public_key` or `secret`. They never change. A key set
 * is read by the same rules as one from the network, but may hold secrets.
 *
 * @param onSkipped - is told why keys of `jwks` are left out, in words that hold nothing of them
 * @throws ConfigError when no key is of use, naming the issuer and the field, never quoting the key
 */
export function inlineKeySource(issuer: IssuerConfig, onSkipped?: (skipped: readonly string[]) => void): KeySource {
  if (issuer.jwks !== null) {
    const { keys: all, skipped } = readInlineSet(issuer, issuer.jwks);
    const keys = usable(all, issuer, 'jwks');
    if (skipped.length > 0) onSkipped?.(skipped);
    return {
      find: (request) => selectKey(keys, request),
      holds: (key) => keys.includes(key),
      findings: () => keyFindings(keys, skipped),
    };
  }
  const field = issuer.publicKey === null ? 'secret' : 'public_key';
  const key =
    issuer.publicKey === null ? createSecretKey(secretBytes(issuer)) : readPublicKey(issuer, issuer.publicKey);
  const keys = usable([{ kid: null, algorithms: algorithmsOf(key), key }], issuer, field);
  // There is only this key, so a token's kid has nothing to choose.
  return {
    find: ({ alg }) => selectKey(keys, { alg, kid: undefined }),
    holds: (candidate) => keys.includes(candidate),
    findings: () => keyFindings(keys, []),
  };
}

function usable(keys: readonly VerificationKey[], issuer: IssuerConfig, field: string): readonly VerificationKey[] {
  const left = restrictKeys(keys, issuer.algorithms);
  if (left.length === 0) {
    throw unusable(issuer, field, 'holds no key that fits an accepted algorithm (RSA needs 2048 to 8192 bits)');
  }
  return left;
}

function readInlineSet(issuer: IssuerConfig, text: string): KeySetDocument {
  const set = keySetOf(issuer, text);
  const types = new Set(set.keys.map(({ key }) => key.type));
  // A token chooses its algorithm: with both kinds in one set, a public key is one slip away from being a secret.
  if (types.size > 1) throw unusable(issuer, 'jwks', 'mixes secrets (oct) and public keys');
  return set;
}

function keySetOf(issuer: IssuerConfig, text: string): KeySetDocument {
  try {
    return readKeySet(JSON.parse(text), MAX_KEYS, true);
  } catch (error) {
    if (!(error instanceof FetchError)) throw error;
    throw unusable(issuer, 'jwks', error.message);
  }
}

function readPublicKey(issuer: IssuerConfig, pem: string): KeyObject {
  try {
    return pem.includes('BEGIN CERTIFICATE') ? new X509Certificate(pem).publicKey : createPublicKey(pem);
  } catch {
    throw unusable(issuer, 'public_key', 'cannot be read as a public key or a certificate');
  }
}

function unusable({ issuer }: IssuerConfig, field: string, reason: string): ConfigError {
  return new ConfigError(`config.issuers.${field}`, `${reason} (issuer ${issuer})`);
}
