import type { HttpGateway } from '../gateway';
import { handedOn, passing } from './answer';
import { originalQuestion } from './question';

/**
 * Caddy's `forward_auth`. Before 2.11.2 it kept the client's header when the answer had none (GHSA-7r4p-vjf4-gxv4), so
 * each header is answered, also with an empty value. The shipped Caddyfile says in `X-Original-Connection` what the
 * client's `Connection` was.
 */
export const caddy: HttpGateway = {
  setsAnyHeader: false,
  removesAnyHeader: false,
  replacesQuery: false,
  read: (asked) =>
    originalQuestion(asked, { method: 'x-forwarded-method', uri: 'x-forwarded-uri', hop: 'x-original-' }),
  permit: ({ headers }) => passing([...headers].flatMap(([name, value]) => [name, value ?? ''])),
  refuse: handedOn,
};
