import type { HeaderLine } from './header-list';

/** A response that the gateway or a plugin gives itself. */
export interface LocalResponse {
  readonly status: number;
  readonly headers: readonly HeaderLine[];
  readonly body: Buffer;
}

/** Texts of Kong's own errors (Kong 3.9.3: kong/error_handlers.lua, kong/pdk/response.lua). */
const MESSAGES: Readonly<Record<number, string>> = {
  400: 'Bad request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  408: 'Request timeout',
  413: 'Payload too large',
  414: 'URI too long',
  417: 'Expectation failed',
  429: 'Too many requests',
  494: 'Request header or cookie too large',
  500: 'An unexpected error occurred',
  502: 'An invalid response was received from the upstream server',
  503: 'The upstream server is currently unavailable',
  504: 'The upstream server is timing out',
};

const FORMS: Readonly<Record<string, (message: string, requestId: string) => string>> = {
  'application/json': (message, id) => `{\n  "message":${JSON.stringify(message)},\n  "request_id":"${id}"\n}`,
  'text/plain': (message, id) => `${message}\nrequest_id: ${id}\n`,
  'text/html': (message, id) =>
    `<!doctype html>\n<html lang="en">\n<title>Error</title>\n<h1>Error</h1>\n<p>${escapeMarkup(message)}.</p>\n<p>request_id: ${id}</p>\n</html>\n`,
  'application/xml': (message, id) =>
    `<?xml version="1.0" encoding="UTF-8"?>\n<error>\n  <message>${escapeMarkup(message)}</message>\n  <requestid>${id}</requestid>\n</error>\n`,
};

/**
 * Returns an error as Kong says it, in the form that the request accepts (JSON unless it asks for HTML, XML or plain
 * text).
 *
 * @param message - Kong's own text for the status when it is left out
 */
export function errorResponse(
  status: number,
  { accept, requestId }: { readonly accept: string | null; readonly requestId: string },
  message = MESSAGES[status] ?? `The upstream server responded with ${status}`,
): LocalResponse {
  const type = acceptedType(accept ?? '');
  const body = FORMS[type]?.(message, requestId) ?? '';
  // nginx's own 494 (headers too large) is for nginx only: the client gets 400.
  return response(status === 494 ? 400 : status, body, [['Content-Type', `${type}; charset=utf-8`]]);
}

/** Returns `{"message": …}`, which is how several of Kong's plugins and its crash handler answer. */
export function messageResponse(status: number, message: string): LocalResponse {
  return response(status, JSON.stringify({ message }), [['Content-Type', 'application/json; charset=utf-8']]);
}

/** Returns a response with this body. */
export function response(status: number, body: string | Uint8Array, headers: readonly HeaderLine[]): LocalResponse {
  return { status, headers, body: typeof body === 'string' ? Buffer.from(body) : Buffer.from(body) };
}

/** The format of the most preferred media type; JSON when Kong does not have it. */
function acceptedType(accept: string): string {
  let best = { type: 'application/json', quality: 0 };
  for (const item of accept.split(',')) {
    const [type = '', ...parameters] = item.split(';').map((part) => part.trim().toLowerCase());
    const given = parameters.find((parameter) => parameter.startsWith('q='));
    const quality = given === undefined ? 1 : Number(given.slice(2));
    if (type !== '' && quality > best.quality) best = { type: knownType(type), quality };
  }
  return best.type;
}

function knownType(type: string): string {
  if (type === 'text/*') return 'text/plain';
  return Object.hasOwn(FORMS, type) ? type : 'application/json';
}

function escapeMarkup(text: string): string {
  return text.replace(/[<>&"]/g, (char) => `&#${char.charCodeAt(0)};`);
}
