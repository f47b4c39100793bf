import { finishLogin } from '../../lib/login';

/** Where the provider sends the browser back to. */
export function GET(request: Request): Promise<Response> {
  return finishLogin(request);
}
export const dynamic = 'force-dynamic';
