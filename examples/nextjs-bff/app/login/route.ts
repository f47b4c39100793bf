import { mayBeCrossSite } from 'kong-plugin-jwt-identity/bff';
import { cookies } from 'next/headers';
import { SESSION_COOKIE, SESSION_OPTIONS } from '../../lib/session';
import { settings } from '../../lib/settings';

/** Logs in with the identity provider, whose way Kong leaves open, and keeps the token where no script can read it. */
export async function POST(request: Request): Promise<Response> {
  // Otherwise another site could sign a browser in as somebody else.
  if (mayBeCrossSite(request, settings.origin)) return new Response('cross-site request', { status: 403 });
  const form = await request.formData();
  const body = new URLSearchParams({ user: String(form.get('user')), password: String(form.get('password')) });
  const response = await fetch(`${settings.kong}/login`, { method: 'POST', body });
  if (!response.ok) return redirect('/?login=failed');
  const { access_token, expires_in } = (await response.json()) as { access_token: string; expires_in: number };
  (await cookies()).set(SESSION_COOKIE, access_token, { ...SESSION_OPTIONS, maxAge: expires_in });
  return redirect('/');
}

function redirect(path: string): Response {
  return new Response(null, { status: 303, headers: { Location: path } });
}
