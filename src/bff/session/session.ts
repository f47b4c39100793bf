/** A browser's session without a store: its tokens are in encrypted cookies (docs/BFF.md). */
import { createHash, randomUUID } from 'node:crypto';
import { LRUCache } from 'lru-cache';
import { createLogger, type Log } from '../../telemetry/log';
import { mayBeCrossSite, normalizeOrigin } from '../cross-site';
import type { OpenedSession } from '../door/door-session';
import {
  forgetCookieParts,
  hasCookieParts,
  readCookieParts,
  sessionCookieName,
  writeCookieParts,
} from './cookie-parts';
import { createRenewals } from './renewals';
import { createSeal } from './sealed-value';

export { createLoginAttempts, type LoginAttempt, type LoginAttempts } from './login-attempts';
export { returnPath } from './return-path';

/** What a provider gave for a login or for a refresh token. */
export interface Tokens {
  readonly accessToken: string;
  /** Seconds until the access token expires. */
  readonly expiresInSeconds: number;
  /** Left out: the one before stays, or there is none. */
  readonly refreshToken?: string | undefined;
  /** Left out: the one before stays, or there is none. For the logout at the provider (`id_token_hint`). */
  readonly idToken?: string | undefined;
}

/** What a cookie holds. */
export interface StoredSession {
  readonly accessToken: string;
  readonly refreshToken?: string | undefined;
  readonly idToken?: string | undefined;
}

/** The tokens of a provider do not fit into the cookies of a browser, even without the ID token. */
export class TokensTooLongError extends Error {
  readonly code = 'tokens_too_long';
  override readonly name = 'TokensTooLongError';
}

/** How sessions are kept. */
export interface SessionOptions {
  /** Origin of the BFF as browsers see it. */
  readonly origin: string;
  /** The first encrypts, all decrypt: `openssl rand -base64 32`. The same on every instance. */
  readonly secrets: readonly string[];
  /**
   * Asks the provider for new tokens. Returns `undefined` when the provider says that the session is over
   * (`invalid_grant`). Rejects when the provider cannot be asked. Requests wait 10 seconds at most; they go on with the
   * token that they have then.
   */
  readonly refresh: (refreshToken: string) => Promise<Tokens | undefined>;
  /** Seconds before the end of the access token from which on it is renewed; 60 unless given. */
  readonly refreshBeforeSeconds?: number;
  /** Seconds after which a session ends, however often it is renewed; 12 hours unless given. */
  readonly maxAgeSeconds?: number;
  /** Name of the cookies, which begins with `__Host-`; `__Host-session` unless given. */
  readonly cookie?: string;
  /** Milliseconds since 1970; the system's clock unless given. */
  readonly now?: () => number;
  /** Writes a log record; to stderr unless given. */
  readonly log?: Log;
}

/** Sessions of browsers. */
export interface Sessions {
  /**
   * Returns the lines of `Set-Cookie` for a new session. An ID token that does not fit is left out: then the provider may
   * ask the user at the logout.
   *
   * @throws TokensTooLongError
   */
  begin(tokens: Tokens): Promise<readonly string[]>;
  /**
   * Returns the access token of a request's session, renewed when it is about to expire: for `createDoor`. Requests that
   * come together, and those that come with the old cookie up to a minute later, share one renewal and its cookies.
   *
   * A session whose new tokens do not fit into cookies ends, and the log says so: its old refresh token is used up.
   */
  open(request: Request): Promise<OpenedSession>;
  /** Returns what a request's session holds, as it is; for pages, which cannot set cookies, and for the logout. */
  read(request: Request): Promise<StoredSession | undefined>;
  /**
   * Ends a request's session and returns the lines of `Set-Cookie` that make the browser forget it. A copy of its cookies
   * is refused from now on, by this process until it ends. The tokens must be revoked at the provider, too.
   */
  end(request: Request): Promise<readonly string[]>;
}

interface Sealed extends StoredSession {
  readonly id: string;
  /** Milliseconds since 1970. */
  readonly tokenEnds: number;
  readonly sessionEnds: number;
}

interface Renewal {
  readonly session: Sealed | undefined;
  readonly setCookies: readonly string[];
}

const { log: ownLog } = createLogger();

const MAX_ENDED = 100_000;
/** Each has up to 16 KiB of cookies and tokens. */
const MAX_OPENED = 1000;

/**
 * Returns sessions that live in cookies and at the provider: no store. In memory there are only the renewals of the last
 * minute, the names of sessions that ended here, and what the cookies seen last hold.
 *
 * @throws ConfigError for an invalid origin or secret, or a cookie that other hosts could set
 */
export function createSessions(options: SessionOptions): Sessions {
  const { secrets, refresh, refreshBeforeSeconds = 60, maxAgeSeconds = 12 * 3600, now = Date.now } = options;
  const { log = ownLog } = options;
  const cookie = sessionCookieName(options.cookie ?? '__Host-session');
  const origin = normalizeOrigin(options.origin);
  const { seal, open } = createSeal(secrets, 'session');
  const shareRenewal = createRenewals<Renewal>(log);
  const opened = new LRUCache<string, Sealed>({ max: MAX_OPENED });
  const ended = new LRUCache<string, true>({ max: MAX_ENDED, ttl: maxAgeSeconds * 1000 });
  const forget = forgetCookieParts(cookie);

  /** The session as cookies hold it, with or without its ID token; `undefined` when they cannot. */
  const write = async (session: Sealed): Promise<Renewal | undefined> => {
    const maxAgeSeconds = Math.max(1, Math.ceil((session.sessionEnds - now()) / 1000));
    const withoutIdToken = { ...session, idToken: undefined };
    for (const kept of session.idToken === undefined ? [session] : [session, withoutIdToken]) {
      const setCookies = writeCookieParts(cookie, await seal(kept), { maxAgeSeconds });
      if (setCookies !== undefined) return { session: kept, setCookies };
    }
    const { accessToken, refreshToken = '' } = session;
    const characters = { access_token: accessToken.length, refresh_token: refreshToken.length };
    log('error', 'the tokens of a session are too long for cookies', characters);
    return undefined;
  };

  /** Decrypting costs more than everything else that the door does for a known caller. */
  const unsealed = async (text: string): Promise<Sealed | undefined> => {
    const known = opened.get(text);
    if (known !== undefined) return known;
    const session = (await open(text)) as Sealed | undefined;
    if (session !== undefined) opened.set(text, session);
    return session;
  };

  const stored = async (request: Request): Promise<Sealed | undefined> => {
    const text = readCookieParts(request, cookie);
    const session = text === undefined ? undefined : await unsealed(text);
    return session === undefined || session.sessionEnds <= now() || ended.has(session.id) ? undefined : session;
  };

  const renewed = async (session: Sealed, refreshToken: string): Promise<Renewal> => {
    const tokens = await refresh(refreshToken);
    const next = tokens && (await write(merged(session, tokens, now())));
    return next ?? { session: undefined, setCookies: forget };
  };

  /**
   * One renewal for all that have the same tokens: a provider that rotates refresh tokens ends a session that uses one
   * twice. With one that does not, the refresh token stays, and the next access token needs a renewal of its own.
   */
  const renewal = (session: Sealed, refreshToken: string): Promise<Renewal> => {
    const key = createHash('sha256').update(`${session.accessToken} ${refreshToken}`).digest('base64url');
    return shareRenewal(key, () => renewed(session, refreshToken));
  };

  return {
    begin: async (tokens) => {
      const sessionEnds = now() + maxAgeSeconds * 1000;
      const begun = await write(
        merged({ id: randomUUID(), accessToken: '', tokenEnds: 0, sessionEnds }, tokens, now()),
      );
      if (begun === undefined) throw new TokensTooLongError('the tokens of the provider are too long for cookies');
      return begun.setCookies;
    },
    open: async (request) => {
      if (!hasCookieParts(request, cookie)) return { token: undefined, setCookies: [] };
      const session = await stored(request);
      if (session === undefined) return { token: undefined, setCookies: forget };
      const { accessToken, refreshToken, tokenEnds } = session;
      const isFresh = tokenEnds - now() > refreshBeforeSeconds * 1000;
      // The browser may drop the cookies of an answer to another site, and the session would be lost with them.
      if (isFresh || refreshToken === undefined || mayBeCrossSite(request, origin)) {
        return { token: accessToken, setCookies: [] };
      }
      try {
        const { session: next, setCookies } = await renewal(session, refreshToken);
        if (next === undefined || ended.has(session.id)) return { token: undefined, setCookies: forget };
        return { token: next.accessToken, setCookies };
      } catch {
        // The provider cannot be asked, which the log says: the token is good as long as it is.
        return { token: accessToken, setCookies: [] };
      }
    },
    read: async (request) => {
      const session = await stored(request);
      if (session === undefined) return undefined;
      const { accessToken, refreshToken, idToken } = session;
      return { accessToken, refreshToken, idToken };
    },
    end: async (request) => {
      const session = await stored(request);
      if (session !== undefined) ended.set(session.id, true);
      return forget;
    },
  };
}

function merged(before: Sealed, tokens: Tokens, nowMs: number): Sealed {
  return {
    ...before,
    accessToken: tokens.accessToken,
    refreshToken: tokens.refreshToken ?? before.refreshToken,
    idToken: tokens.idToken ?? before.idToken,
    tokenEnds: nowMs + tokens.expiresInSeconds * 1000,
  };
}
