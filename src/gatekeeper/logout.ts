import { ConfigError } from '../../schema/config-error';
import { issuerTemplate } from '../../schema/issuer-template';
import { parseConfig } from '../../schema/parse-config';
import { acceptedAlgorithms } from '../../schema/rules/issuer-ownership';
import { Refusal } from '../core/refusal/refusal';
import { keysNameIssuer } from '../core/verification/trust';
import { createKeySources } from '../keys/key-sources';
import { fileStore, redisStore, type ListStore } from '../revocation/list-store';
import { logoutTokenReader, type Logout } from '../revocation/logout-token';
import { readEntry, type RevocationEntry } from '../revocation/revocation-entry';
import { describeError } from '../telemetry/describe-error';
import type { Log } from '../telemetry/log';

/** What a logout ends: the session (`sid`), or all earlier tokens of the caller (`sub`). */
export const LOGOUT_SCOPES = ['session', 'subject'] as const;

/** How logouts are written into the list. */
export interface LogoutOptions {
  /**
   * `session` ends the session where the provider names one, and the caller's earlier tokens where it does not; it needs
   * access tokens with `sid`. `subject` always ends the caller's earlier tokens.
   */
  readonly revokeBy?: (typeof LOGOUT_SCOPES)[number];
  /** For how many seconds an entry lasts: longer than access tokens live. */
  readonly entryLifetime?: number;
}

/** The answer to a provider. */
export interface LogoutAnswer {
  readonly status: 200 | 400 | 503;
  /** Why the logout was refused or failed, in fixed words. */
  readonly reason?: string;
  readonly retryAfterSeconds?: number;
}

/** Takes the logout token that a provider sent. Never rejects. */
export type LogoutHandler = (token: string | undefined) => Promise<LogoutAnswer>;

/** A day, as sessions commonly last. */
const DEFAULT_LIFETIME = 86_400;

/**
 * Opens the receiving end of back-channel logout: a verified logout token adds an entry to the list that gateways read.
 *
 * @param config - `issuers`, whose `audiences` are the ids of the clients that log in, and one of `revocation_lists`, a
 *   file or Redis; as in the plugin's configuration
 * @throws ConfigError for a configuration that cannot be used
 * @see OpenID Connect Back-Channel Logout 1.0 §2.5–2.8
 */
export function openLogout(
  config: unknown,
  { revokeBy = 'session', entryLifetime = DEFAULT_LIFETIME }: LogoutOptions,
  log: Log,
  now: () => number = Date.now,
): LogoutHandler {
  const { issuers, revocationLists } = parseConfig(config);
  if (!Number.isInteger(entryLifetime) || entryLifetime < 60 || entryLifetime > 31_536_000) {
    throw new ConfigError('entry_lifetime', 'must be from 60 to 31536000 seconds');
  }
  const keySourceFor = createKeySources({ now, log });
  const read = logoutTokenReader(
    issuers.map((issuer, i) => {
      if (typeof issuerTemplate(issuer.issuer) === 'object') {
        const cure =
          'must be a whole issuer: logout tokens of a template are not taken, so name each tenant in an entry';
        throw new ConfigError(`config.issuers[${i + 1}].issuer`, cure);
      }
      if (issuer.anyAudience) throw new ConfigError('config.issuers', 'audiences must name the clients that log in');
      return {
        issuer: issuer.issuer,
        clientIds: new Set(issuer.audiences),
        algorithms: new Set(acceptedAlgorithms(issuer)),
        keys: keySourceFor(issuer),
        keysNameIssuer: keysNameIssuer(issuer),
      };
    }),
  );
  const store = storeOf(revocationLists);
  return async (token) => {
    if (token === undefined) return { status: 400, reason: 'logout_token is missing' };
    try {
      const nowSeconds = now() / 1000;
      const logout = await read(token, nowSeconds);
      if (logout instanceof Refusal) {
        log('info', 'a logout token was refused', { code: logout.code, reason: logout.reason });
        const { retryAfterSeconds } = logout.hints;
        if (logout.status === 503)
          return { status: 503, reason: logout.reason, retryAfterSeconds: retryAfterSeconds ?? 1 };
        return { status: 400, reason: logout.reason };
      }
      const entry = entryOf(logout, revokeBy, nowSeconds + entryLifetime);
      await store.add(entry, nowSeconds).catch((error: unknown) => {
        logout.release();
        throw error;
      });
      log('notice', 'a logout was written into the list', { issuer: logout.issuer, by: entry.kind });
      return { status: 200 };
    } catch (error) {
      log('error', 'a logout could not be written into the list', { list: store.name, ...describeError(error) });
      return { status: 503, reason: 'the list cannot be written at the moment', retryAfterSeconds: 5 };
    }
  };
}

function entryOf({ issuer, sid, sub, iat }: Logout, revokeBy: LogoutOptions['revokeBy'], exp: number): RevocationEntry {
  const isBySession = sid !== undefined && (revokeBy === 'session' || sub === undefined);
  // A token of the same second may be from before the logout.
  const named = isBySession ? { sid } : { sub, issued_before: Math.floor(iat) + 1 };
  return readEntry({ iss: issuer, ...named, exp: Math.ceil(exp) });
}

function storeOf(lists: ReturnType<typeof parseConfig>['revocationLists']): ListStore {
  const [list, ...others] = lists;
  if (list === undefined || others.length > 0) {
    throw new ConfigError('config.revocation_lists', 'must hold one list, to which logouts are written');
  }
  if (list.redis !== null) return redisStore(list.redis);
  if (list.file !== null) return fileStore(list.file);
  throw new ConfigError('config.revocation_lists[1]', 'must be a file or redis: a URL cannot be written to');
}
