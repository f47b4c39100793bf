import { createPublicKey, createSecretKey, X509Certificate, type KeyObject } from 'node:crypto';
import type { IssuerConfig } from '../../schema/config';
import { ConfigError } from '../../schema/config-error';
import { secretBytes } from '../../schema/rules/secret';
import type { KeySource, VerificationKey } from '../core/verification/key-source';
import { importJwk } from './jwk-import';
import { algorithmsOf } from './key-algorithms';
import { restrictKeys, selectKey } from './key-selection';

/**
 * Returns the keys that stand in the configuration itself: `jwks`, `public_key` or `secret`. They never change.
 *
 * @throws ConfigError when they are of no use, naming the issuer and the field, never quoting the key
 */
export function inlineKeySource(issuer: IssuerConfig): KeySource {
  if (issuer.jwks !== null) {
    const keys = usable(readKeySet(issuer, issuer.jwks), issuer, 'jwks');
    return { find: (request) => selectKey(keys, request), holds: (key) => keys.includes(key) };
  }
  const field = issuer.publicKey === null ? 'secret' : 'public_key';
  const key =
    issuer.publicKey === null ? createSecretKey(secretBytes(issuer)) : readPublicKey(issuer, issuer.publicKey);
  const keys = usable([{ kid: null, algorithms: algorithmsOf(key), key }], issuer, field);
  // There is only this key, so a token's kid has nothing to choose.
  return {
    find: ({ alg }) => selectKey(keys, { alg, kid: undefined }),
    holds: (candidate) => keys.includes(candidate),
  };
}

function usable(keys: readonly VerificationKey[], issuer: IssuerConfig, field: string): readonly VerificationKey[] {
  const left = restrictKeys(keys, issuer.algorithms);
  if (left.length === 0) {
    throw unusable(issuer, field, 'holds no key that fits an accepted algorithm (RSA needs 2048 to 8192 bits)');
  }
  return left;
}

function readKeySet(issuer: IssuerConfig, text: string): VerificationKey[] {
  const { keys } = JSON.parse(text) as { keys: readonly unknown[] };
  const imported = keys.map((jwk, index) => {
    const key = importJwk(jwk, true);
    if ('reason' in key) throw unusable(issuer, 'jwks', `key ${index + 1} cannot be used: ${key.reason}`);
    return key;
  });
  const types = new Set(imported.map(({ key }) => key.type));
  // A token chooses its algorithm: with both kinds in one set, a public key is one slip away from being a secret.
  if (types.size > 1) throw unusable(issuer, 'jwks', 'mixes secrets (oct) and public keys');
  return imported;
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
