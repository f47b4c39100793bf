import type { Route } from '../../kong/declarative/entities';
import { errorFor, type Exchange } from '../exchange/exchange';
import { type LocalResponse, response } from '../http/local-response';

const REDIRECTS = [301, 302, 307, 308];

/**
 * Returns the answer of a route that takes no plain HTTP, which is all that this gateway speaks; `null` for other routes.
 *
 * Kong 3.9.3: kong/runloop/handler.lua, `access.before`
 */
export function refusePlainHttp(exchange: Exchange, route: Route): LocalResponse | null {
  if (route.protocols.includes('http')) return null;
  const status = route.https_redirect_status_code;
  if (REDIRECTS.includes(status)) {
    return response(status, '', [['Location', `https://${exchange.host}${exchange.target}`]]);
  }
  const answer = errorFor(exchange, 426, 'Please use HTTPS protocol');
  return { ...answer, headers: [...answer.headers, ['Upgrade', 'TLS/1.2, HTTP/1.1']] };
}
