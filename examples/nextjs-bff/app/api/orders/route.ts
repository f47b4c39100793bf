import { cookies } from 'next/headers';
import { SESSION_COOKIE } from '../../../lib/session';
import { settings } from '../../../lib/settings';

/** Through Kong: the cookie becomes a bearer token, nothing else of the browser's travels on, and Kong decides. */
export async function GET(): Promise<Response> {
  const token = (await cookies()).get(SESSION_COOKIE)?.value;
  const headers: HeadersInit = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const response = await fetch(`${settings.kong}/orders`, { headers, cache: 'no-store' });
  return new Response(response.body, {
    status: response.status,
    headers: { 'Content-Type': response.headers.get('Content-Type') ?? '', 'Cache-Control': 'no-store' },
  });
}
