import { isTokenCookie } from '../../core/request/cookie-token';

/** The token of a browser's session, and what its answer has to carry. */
export interface OpenedSession {
  /** The access token; `undefined` when there is no session. */
  readonly token: string | undefined;
  /** Values of `Set-Cookie` for the answer, whatever it is: a session that was renewed must not be lost. */
  readonly setCookies: readonly string[];
}

/** How the door knows a browser. */
export interface DoorSession {
  /** Origin of the door as browsers see it, such as `https://shop.example.com`. */
  readonly origin: string;
  /** Name of the cookie that holds the access token itself. */
  readonly cookie?: string;
  /** Returns the token where a cookie does not hold it as it is. Not together with `cookie`. Must not reject. */
  readonly open?: (request: Request) => Promise<OpenedSession>;
}

/** The cookie in which the gatekeeper sees the token that {@link DoorSession.open} returned. A browser's own is removed. */
export const OPENED_COOKIE = '__door-session';

/** A request with what its session holds. */
export interface OpenedRequest extends OpenedSession {
  /** As the gatekeeper is to see it; without a body. */
  readonly request: Request;
}

/** Returns the request as the gatekeeper is to see it, with the token of the session in a cookie. */
export async function openSession(request: Request, { open }: DoorSession): Promise<OpenedRequest> {
  if (open === undefined) return { request, token: undefined, setCookies: [] };
  const { token, setCookies } = await open(request);
  const headers = new Headers(request.headers);
  // A browser's own cookie of this name is not a session.
  const others = (headers.get('cookie') ?? '')
    .split(';')
    .filter((pair) => !isTokenCookie(pair, { cookieNames: [OPENED_COOKIE] }));
  const pairs = token === undefined ? others : [...others, `${OPENED_COOKIE}=${token}`];
  headers.set('cookie', pairs.join(';'));
  return { request: new Request(request.url, { method: request.method, headers }), token, setCookies };
}
