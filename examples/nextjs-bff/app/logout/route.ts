import { mayBeCrossSite } from 'kong-plugin-jwt-identity/bff';
import { cookies } from 'next/headers';
import { SESSION_COOKIE, SESSION_OPTIONS } from '../../lib/session';
import { settings } from '../../lib/settings';

export async function POST(request: Request): Promise<Response> {
  if (mayBeCrossSite(request, settings.origin)) return new Response('cross-site request', { status: 403 });
  (await cookies()).set(SESSION_COOKIE, '', { ...SESSION_OPTIONS, maxAge: 0 });
  return new Response(null, { status: 303, headers: { Location: '/' } });
}
