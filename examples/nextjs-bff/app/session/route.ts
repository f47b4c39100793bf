import { gatekeeper } from '../../lib/door';
import { sessions } from '../../lib/session';
import { settings } from '../../lib/settings';

/** Tells the page who is signed in. It decides for itself: what another route or a middleware found is not asked. */
export async function GET(request: Request): Promise<Response> {
  const { token, setCookies } = await sessions().open(request);
  const headers = new Headers(token === undefined ? {} : { Authorization: `Bearer ${token}` });
  const decision = await gatekeeper().decide(new Request(settings.origin, { headers }));
  const user = decision.outcome === 'proceed' ? decision.claims?.sub : undefined;
  const response = Response.json({ user: user ?? null }, { headers: { 'Cache-Control': 'no-store' } });
  for (const value of setCookies) response.headers.append('Set-Cookie', value);
  return response;
}
export const dynamic = 'force-dynamic';
