import { mayBeCrossSite } from 'kong-plugin-jwt-identity/bff';
import { logOut } from '../../lib/login';
import { settings } from '../../lib/settings';

export async function POST(request: Request): Promise<Response> {
  if (mayBeCrossSite(request, settings.origin)) return new Response('cross-site request', { status: 403 });
  return logOut(request);
}
