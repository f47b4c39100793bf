import { createSessions } from '../../src/bff/session/session';
import { SESSION_SECRET, type ShopExample } from './shop-example';

/** A browser that is signed in, as far as it matters without one. */
export interface SignedIn {
  /** For the header `Cookie`. */
  readonly cookie: string;
  /** What the cookie holds, encrypted. */
  readonly accessToken: string;
}

/** Signs in at the provider of the example by filling its forms, with nothing but requests. */
export async function signInByRequests({ origin, issuer }: ShopExample, user: string): Promise<SignedIn> {
  const jars = new Map<string, Map<string, string>>();
  const ask = async (url: URL, body?: URLSearchParams): Promise<Response> => {
    const jar = jars.get(url.origin) ?? new Map<string, string>();
    jars.set(url.origin, jar);
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
    const init = body === undefined ? {} : { method: 'POST', body };
    const response = await fetch(url, { ...init, headers: { cookie }, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
      if (value === '') jar.delete(name);
      else jar.set(name, value);
    }
    return response;
  };
  let url = new URL('/login', origin);
  let response = await ask(url);
  for (let steps = 0; steps < 20 && url.href !== `${origin}/`; steps += 1) {
    const location = response.headers.get('location');
    if (location !== null) {
      url = new URL(location, url);
      response = await ask(url);
      continue;
    }
    const prompt = /name="prompt" value="(\w+)"/.exec(await response.text())?.[1];
    if (prompt === undefined) throw new Error(`no form at ${url.pathname}`);
    response = await ask(url, new URLSearchParams({ prompt, login: user, password: 'any' }));
  }
  const jar = jars.get(origin) ?? new Map<string, string>();
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ');
  const sessions = createSessions({ origin, secrets: [SESSION_SECRET], refresh: () => Promise.resolve(undefined) });
  const session = await sessions.read(new Request(origin, { headers: { cookie } }));
  if (session === undefined) throw new Error(`no session of ${user} from ${issuer}: ${[...jar.keys()].join()}`);
  return { cookie, accessToken: session.accessToken };
}
