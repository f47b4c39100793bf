import { createHash, hkdfSync } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import { ConfigError } from '../../../schema/config-error';

/** Encrypts values for a browser to keep, and decrypts them again. */
export interface Seal {
  /** Returns the value, encrypted. Two calls never return the same. */
  readonly seal: (value: unknown) => Promise<string>;
  /** Returns the value; `undefined` for everything that was not sealed here, for this purpose, with one of the secrets. */
  readonly open: (text: string) => Promise<unknown>;
}

const MIN_SECRET_LENGTH = 32;
/** Longer than any that is sealed. What it costs to look at a text is bounded before. */
const MAX_LENGTH = 16 * 1024;

/**
 * Returns a seal: JWE, compact, `dir` with A256GCM (RFC 7516, RFC 7518 §4.5 and §5.3), under a key that is derived from a
 * secret for one purpose (HKDF, RFC 5869). What is sealed for one purpose means nothing to another.
 *
 * @param secrets - the first seals, all open, so that a secret can be replaced
 * @throws ConfigError for a secret that is too short
 */
export function createSeal(secrets: readonly string[], purpose: string): Seal {
  if (secrets.length === 0) throw new ConfigError('secrets', 'must have one');
  const keys = secrets.map((secret, i) => {
    if (secret.length < MIN_SECRET_LENGTH) {
      throw new ConfigError(
        `secrets[${i + 1}]`,
        'must be at least 32 characters, such as of `openssl rand -base64 32`',
      );
    }
    const key = new Uint8Array(hkdfSync('sha256', secret, '', `kong-jwt-identity ${purpose}`, 32));
    return { key, kid: createHash('sha256').update(key).digest('base64url').slice(0, 8) };
  });
  const [own] = keys;
  return {
    seal: async (value) => {
      if (own === undefined) throw new ConfigError('secrets', 'must have one');
      return new CompactEncrypt(Buffer.from(JSON.stringify(value)))
        .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: own.kid })
        .encrypt(own.key);
    },
    open: async (text) => {
      if (text.length > MAX_LENGTH) return undefined;
      try {
        const options = { keyManagementAlgorithms: ['dir'], contentEncryptionAlgorithms: ['A256GCM'] };
        const find = ({ kid }: { readonly kid?: unknown }): Uint8Array => {
          const found = keys.find((each) => each.kid === kid);
          if (found === undefined) throw new Error('unknown key');
          return found.key;
        };
        const { plaintext } = await compactDecrypt(text, find, options);
        return JSON.parse(Buffer.from(plaintext).toString()) as unknown;
      } catch {
        return undefined;
      }
    },
  };
}
