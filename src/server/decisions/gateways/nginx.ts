import type { HttpGateway } from '../gateway';
import { firstCookie, passing } from './answer';
import { originalQuestion } from './question';

/**
 * nginx's `auth_request`. An empty value makes `proxy_set_header` leave the header out, the client's one too.
 *
 * It takes no answers but 2xx, 401 and 403: everything else is a 500 to the client. So a refusal is answered with one of
 * these, and what the client shall see is in headers of the answer, which the shipped file hands on.
 * Of several cookies it is told the first: nginx 1.23 and later join lines of one name with commas.
 *
 * @see nginx 1.22: src/http/modules/ngx_http_auth_request_module.c
 */
export const nginx: HttpGateway = {
  setsAnyHeader: false,
  removesAnyHeader: false,
  replacesQuery: false,
  read: (asked) => originalQuestion(asked, { method: 'x-original-method', uri: 'x-original-uri', hop: 'x-original-' }),
  permit: (permission) =>
    passing([...[...permission.headers].flatMap(([name, value]) => [name, value ?? '']), ...firstCookie(permission)]),
  refuse: ({ status, headers, body }) => ({
    status: status === 401 ? 401 : 403,
    headers: [
      ...['Cache-Control', 'no-store'],
      ...['X-Refusal-Status', String(status)],
      ...['X-Refusal-Body', body],
      ...['X-Refusal-Challenge', headers['WWW-Authenticate'] ?? ''],
      ...['X-Refusal-Retry-After', headers['Retry-After'] ?? ''],
    ],
    body: '',
  }),
};
