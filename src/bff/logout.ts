import { openLogout, type LogoutOptions } from '../gatekeeper/logout';
import { createLogger } from '../telemetry/log';

/** A logout token has some hundred bytes. */
const MAX_BODY_BYTES = 65_536;

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
  const chunks: Uint8Array[] = [];
  let size = 0;
  try {
    for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
      size += chunk.length;
      if (size > MAX_BODY_BYTES) return undefined;
      chunks.push(chunk);
    }
  } catch {
    return undefined;
  }
  const tokens = new URLSearchParams(Buffer.concat(chunks).toString()).getAll('logout_token');
  return tokens.length === 1 ? tokens[0] : undefined;
}
