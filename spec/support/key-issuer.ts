import type { IssuerConfig, KeyFetchConfig } from '../../schema/config';
import { parseConfig } from '../../schema/parse-config';
import type { LogFields, LogLevel } from '../../src/telemetry/log';
import { publicJwk, type SigningKey } from './tokens';

/** Parses one entry of `issuers`, written as in kong.yml; its keys are at a URL unless `changes` say otherwise. */
export function issuerOf(changes: Readonly<Record<string, unknown>> = {}): IssuerConfig {
  const hasKeys = ['discovery', 'jwks', 'public_key', 'secret'].some((name) => name in changes);
  const keys = hasKeys ? {} : { jwks_uri: 'https://auth.test/jwks' };
  return parseConfig({ issuers: [{ issuer: 'https://auth.test/', audiences: ['orders'], ...keys, ...changes }] })
    .issuers[0]!;
}

/** Parses `key_fetch`, written as in kong.yml. */
export function keyFetchOf(keyFetch: Readonly<Record<string, unknown>> = {}): KeyFetchConfig {
  return issuerOf({ key_fetch: keyFetch }).keyFetch;
}

/** A key, or a JWK as it is to be published. */
export type KeyLike = SigningKey | Readonly<Record<string, unknown>>;

/** The key set that an issuer publishes. */
export function keySetOf(...keys: readonly KeyLike[]): { keys: unknown[] } {
  return { keys: keys.map((key) => ('publicKey' in key ? publicJwk(key as SigningKey) : key)) };
}

/** A log that remembers. */
export class LogRecorder {
  readonly records: { level: LogLevel; message: string; fields: LogFields }[] = [];

  readonly log = (level: LogLevel, message: string, fields: LogFields = {}): void => {
    this.records.push({ level, message, fields });
  };

  /** The reasons of all failed fetches so far. */
  get reasons(): unknown[] {
    return this.records
      .filter(({ message }) => message === 'keys could not be fetched')
      .map(({ fields }) => fields['reason']);
  }

  /** Resolves when there are so many failed fetches. */
  async failed(count: number): Promise<void> {
    while (this.reasons.length < count) await new Promise(setImmediate);
  }

  /** The messages so far, each with its level. */
  get lines(): string[] {
    return this.records.map(({ level, message }) => `${level}: ${message}`);
  }
}
