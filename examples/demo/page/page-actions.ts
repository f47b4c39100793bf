import { setTimeout as delay } from 'node:timers/promises';
import type { IdentityProvider } from '../identity-provider/identity-provider';
import { LIST_TTL_SECONDS } from '../identity-provider/revocations';
import { TOKEN_KINDS, type TokenKind } from '../identity-provider/token-issuer';
import { findUser, USERS, type User } from '../identity-provider/users';
import type { Ports } from '../addresses';
import { LOOPBACK } from '../listen';
import type { Entry, Journal } from '../journal';
import type { HeaderLine } from '../services/naive-service';
import { explainRequest } from './explain-request';
import { completeHeaders, send, type Answer } from './outgoing-request';
import { routeExcerpt } from './route-excerpt';

/** What the page asks for makes no sense; the message is for the page. */
export class PageRequestError extends Error {
  override readonly name = 'PageRequestError';
}

/** What the page can ask its server to do, by name. Each takes the request's body and returns JSON. */
export interface PageActions {
  readonly setting: (body: string | undefined) => Promise<Setting>;
  readonly token: (body: string | undefined) => Promise<{ readonly token: string }>;
  readonly send: (body: string | undefined) => Promise<Exchange>;
  readonly rotate: (body: string | undefined) => Promise<{ readonly rotated: true }>;
  readonly revoke: (body: string | undefined) => Promise<{ readonly revoked: boolean }>;
  readonly explain: (body: string | undefined) => Promise<{ readonly text: string }>;
}

/** Who there is. */
export interface Setting {
  readonly users: readonly { readonly id: string; readonly name: string; readonly roles: readonly string[] }[];
  /** Where requests go, by target. */
  readonly addresses: Readonly<Record<Target, string>>;
}

/** Where the page can send: through the gateway, or to a service directly. */
export type Target = 'gateway' | 'orders' | 'admin';

/** One request, seen from everywhere. */
export interface Exchange {
  /** Request line and headers as they were sent. */
  readonly sent: { readonly line: string; readonly headers: readonly HeaderLine[] };
  /** `null` when there was none. */
  readonly answer: Answer | null;
  /** Why there was no answer: Node's code of the error, such as ECONNRESET, or its message. */
  readonly failure: string | null;
  /** What the gateway did; `null` when it was not asked. */
  readonly decision: Entry['decision'] | null;
  readonly received: Entry['receipt'] | null;
  /** The route's part of kong.yml, as it is written. */
  readonly excerpt: string | null;
}

/** How long the gateway may take to report a request that it has answered. */
const REPORT_TIMEOUT_MS = 2_000;

/** Returns what the page can do in a demo with these ports. */
export function pageActions(
  ports: Ports,
  provider: IdentityProvider,
  journal: Journal,
  readKongYml: () => string,
): PageActions {
  const addressOf = (target: Target): string => `http://${LOOPBACK}:${ports[target]}`;
  const through = async (
    target: Target,
    method: string,
    path: string,
    given: readonly HeaderLine[],
  ): Promise<Exchange> => {
    const headers = completeHeaders(ports[target], method, given);
    const sent = { line: `${method} ${path} HTTP/1.1`, headers };
    let failure: string | null = null;
    const answer = await send({ port: ports[target], method, target: path, headers }).catch((error: unknown) => {
      const complaint = notWritable(error);
      if (complaint !== undefined) throw new PageRequestError(complaint);
      failure = (error as NodeJS.ErrnoException).code ?? (error as Error).message;
      return null;
    });
    const id = answer?.headers.find(([name]) => name.toLowerCase() === 'x-kong-request-id')?.[1];
    const entry = id === undefined ? undefined : await journal.find(id, REPORT_TIMEOUT_MS);
    const route = entry?.decision.route;
    const excerpt = typeof route === 'string' ? (routeExcerpt(readKongYml(), route) ?? null) : null;
    return { sent, answer, failure, decision: entry?.decision ?? null, received: entry?.receipt ?? null, excerpt };
  };
  return {
    setting: () =>
      Promise.resolve({
        users: USERS.map(({ id, name, roles }) => ({ id, name, roles })),
        addresses: { gateway: addressOf('gateway'), orders: addressOf('orders'), admin: addressOf('admin') },
      }),
    token: async (body) => {
      const { user: id, kind } = members(body);
      const user = findUser(id);
      if (user === undefined || !isTokenKind(kind)) throw new PageRequestError('There is no such user or token.');
      return { token: await (kind === 'good' ? logIn(ports.gateway, user) : provider.issue(user, kind)) };
    },
    rotate: async () => {
      await provider.rotate();
      return { rotated: true };
    },
    revoke: async (body) => {
      const { token, revoked } = members(body);
      if (typeof token !== 'string' || typeof revoked !== 'boolean' || !provider.revoke(token, revoked)) {
        throw new PageRequestError('There is no token with a jti.');
      }
      // The gateway may use the list that it has for so long.
      await delay(LIST_TTL_SECONDS * 1000);
      return { revoked };
    },
    send: (body) => {
      const { target, method, path, headers } = wantedRequest(body);
      return through(target, method, path, headers);
    },
    explain: async (body) => ({ text: await explainRequest(readKongYml(), wantedRequest(body)) }),
  };
}

/** A request that the page wants to send. */
interface WantedRequest {
  readonly target: Target;
  readonly method: string;
  readonly path: string;
  readonly headers: readonly HeaderLine[];
}

function wantedRequest(body: string | undefined): WantedRequest {
  const { target, method, path, headers } = members(body);
  if (!isTarget(target)) throw new PageRequestError('The target must be gateway, orders or admin.');
  if (typeof method !== 'string' || typeof path !== 'string' || !path.startsWith('/')) {
    throw new PageRequestError('A path starts with a slash.');
  }
  if (!isHeaderLines(headers)) throw new PageRequestError('A header has a name and a value.');
  return { target, method, path, headers };
}

/** Logs in as anybody would: through the gateway. */
async function logIn(port: number, { id, password }: User): Promise<string> {
  const body = new URLSearchParams({ user: id, password }).toString();
  const headers = completeHeaders(port, 'POST', [['Content-Type', 'application/x-www-form-urlencoded']], body);
  const answer = await send({ port, method: 'POST', target: '/login', headers, body });
  if (answer.status !== 200) throw new PageRequestError(`The login was answered with ${answer.status}.`);
  return (JSON.parse(answer.body) as { access_token: string }).access_token;
}

function members(body: string | undefined): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body ?? '');
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new PageRequestError('This is not a JSON object.');
}

function isTokenKind(value: unknown): value is TokenKind {
  return (TOKEN_KINDS as readonly unknown[]).includes(value);
}

function isTarget(value: unknown): value is Target {
  return value === 'gateway' || value === 'orders' || value === 'admin';
}

function isHeaderLines(value: unknown): value is HeaderLine[] {
  return (
    Array.isArray(value) &&
    value.every((line) => Array.isArray(line) && line.length === 2 && line.every((part) => typeof part === 'string'))
  );
}

/** Returns what Node says of a method, path or header that HTTP does not allow. */
function notWritable(error: unknown): string | undefined {
  const { code = '', message } = error as NodeJS.ErrnoException;
  return /^ERR_(INVALID|UNESCAPED|HTTP)/.test(code) ? message : undefined;
}
