import { beginLogin } from '../../lib/login';

/** Sends the browser to the provider. Whoever makes a browser come here makes it sign in, as nobody but itself. */
export function GET(request: Request): Promise<Response> {
  return beginLogin(new URL(request.url).searchParams.get('return_to'));
}
export const dynamic = 'force-dynamic';
