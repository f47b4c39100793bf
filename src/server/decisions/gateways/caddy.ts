import type { HttpGateway } from '../gateway';
import { firstCookie, handedOn, passing } from './answer';
import { originalQuestion } from './question';

/**
 * Caddy's `forward_auth`. Before 2.11.2 it kept the client's header when the answer had none (GHSA-7r4p-vjf4-gxv4), so
 * each header is answered, also with an empty value. The shipped Caddyfile says in `X-Original-Connection` what the
 * client's `Connection` was, and hands one cookie of the answer on: Caddy joins the values of several with commas.
 *
 * @see Caddy 2.11: modules/caddyhttp/reverseproxy/forwardauth/caddyfile.go
 */
export const caddy: HttpGateway = {
  setsAnyHeader: false,
  removesAnyHeader: false,
  replacesQuery: false,
  read: (asked) =>
    originalQuestion(asked, { method: 'x-forwarded-method', uri: 'x-forwarded-uri', hop: 'x-original-' }),
  permit: (permission) =>
    passing([...[...permission.headers].flatMap(([name, value]) => [name, value ?? '']), ...firstCookie(permission)]),
  refuse: handedOn,
};
