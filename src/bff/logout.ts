import { openLogout, type LogoutOptions } from '../gatekeeper/logout';
import { createLogger } from '../telemetry/log';
import { withinTime } from './time-limit';

/** A logout token has some hundred bytes. */
const MAX_BODY_BYTES = 65_536;
/** How long a provider may take to send it, in milliseconds. */
const MAX_BODY_MS = 10_000;

/**
 * Returns the handler of a BFF's back-channel logout URI: a verified logout token adds an entry to the list that the
 * gatekeeper and the gateways read. It never rejects.
 *
 * @param config - `issuers`, whose `audiences` are the BFF's client ids at these providers, and one of
 *   `revocation_lists`, a file or Redis
 * @throws ConfigError for a configuration that cannot be used
 * @see OpenID Connect Back-Channel Logout 1.0 §2.5, §2.8
 */
export function createLogoutHandler(
  config: unknown,
  options: LogoutOptions = {},
): (request: Request) => Promise<Response> {
  const { log } = createLogger();
  const handle = openLogout(config, options, log);
  return async (request) => {
    const { status, reason, retryAfterSeconds } = await handle(await tokenOf(request));
    const body = reason === undefined ? null : JSON.stringify({ error: 'invalid_request', error_description: reason });
    return new Response(body, {
      status,
      headers: {
        'cache-control': 'no-store',
        ...(body !== null && { 'content-type': 'application/json' }),
        ...(retryAfterSeconds !== undefined && { 'retry-after': String(Math.ceil(retryAfterSeconds)) }),
      },
    });
  };
}

/** The one token of a form; `undefined` for anything else. */
async function tokenOf(request: Request): Promise<string | undefined> {
  const isForm = /^application\/x-www-form-urlencoded(;|$)/i.test(request.headers.get('content-type') ?? '');
  if (request.method !== 'POST' || !isForm || request.body === null) return undefined;
  const reader = request.body.getReader();
  let body: Buffer | undefined;
  try {
    body = await withinTime(readBody(reader), MAX_BODY_MS, () => new Error('the body is too slow'));
  } catch {
    // Whatever it was, there is no token.
  }
  if (body === undefined) {
    // Not waited for: the other end may never answer.
    reader.cancel().catch(() => undefined);
    return undefined;
  }
  const tokens = new URLSearchParams(body.toString()).getAll('logout_token');
  return tokens.length === 1 ? tokens[0] : undefined;
}

/** Returns a body; `undefined` when it is too large. */
async function readBody(reader: ReadableStreamDefaultReader<Uint8Array>): Promise<Buffer | undefined> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return Buffer.concat(chunks);
    size += value.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(value);
  }
}
