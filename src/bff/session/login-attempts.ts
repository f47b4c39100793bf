import { createHash } from 'node:crypto';
import { createSeal } from './sealed-value';

/** What a BFF has to remember of a login until the browser comes back from the provider. */
export interface LoginAttempt {
  /** RFC 6749 §10.12: the answer belongs to this browser. */
  readonly state: string;
  /** OpenID Connect Core §3.1.2.1: the ID token belongs to this login. */
  readonly nonce: string;
  /** RFC 7636 §4.1. */
  readonly codeVerifier: string;
  /** Where the browser goes then: see `returnPath`. */
  readonly returnTo: string;
}

/** Remembers logins that are under way, each in a cookie of the browser that began it. */
export interface LoginAttempts {
  /** Returns the line of `Set-Cookie` for a new attempt. */
  readonly begin: (attempt: LoginAttempt) => Promise<string>;
  /**
   * Returns the attempt that an answer of the provider belongs to, and the line of `Set-Cookie` that ends it; `undefined`
   * when this browser has not begun it, or too long ago.
   */
  readonly finish: (
    request: Request,
    state: string | null,
  ) => Promise<{ attempt: LoginAttempt; setCookie: string } | undefined>;
}

/** How long a person may take at the provider. */
const MAX_AGE_SECONDS = 15 * 60;

/**
 * Returns what remembers logins. Each has a cookie of its own, so two tabs do not disturb one another. `SameSite=Lax` lets
 * it come with the redirect from the provider, which is another site.
 *
 * @param now - milliseconds since 1970
 */
export function createLoginAttempts(secrets: readonly string[], now: () => number = Date.now): LoginAttempts {
  const { seal, open } = createSeal(secrets, 'login');
  return {
    begin: async (attempt) => {
      const value = await seal({ ...attempt, ends: now() + MAX_AGE_SECONDS * 1000 });
      return `${cookieName(attempt.state)}=${value}; Max-Age=${MAX_AGE_SECONDS}; HttpOnly; SameSite=Lax; Secure; Path=/`;
    },
    finish: async (request, state) => {
      if (state === null) return undefined;
      const name = cookieName(state);
      const found = (request.headers.get('cookie') ?? '')
        .split(';')
        .map((pair) => pair.trim())
        .find((pair) => pair.startsWith(`${name}=`));
      const attempt = found === undefined ? undefined : await open(found.slice(name.length + 1));
      if (!isAttempt(attempt) || attempt.state !== state || attempt.ends <= now()) return undefined;
      return { attempt, setCookie: `${name}=; Max-Age=0; HttpOnly; SameSite=Lax; Secure; Path=/` };
    },
  };
}

function cookieName(state: string): string {
  return `__Host-login-${createHash('sha256').update(state).digest('base64url').slice(0, 16)}`;
}

function isAttempt(value: unknown): value is LoginAttempt & { readonly ends: number } {
  // Only this module seals such values, so one member is enough.
  return typeof value === 'object' && value !== null && 'state' in value;
}
