import type { HttpGateway } from '../gateway';
import { cookieHeaders, handedOn, passing, setHeaders } from './answer';
import { originalQuestion } from './question';

/**
 * Traefik's ForwardAuth. It removes the headers of `authResponseHeaders` and `authResponseHeadersRegex` from the request
 * before it sets those that the answer has: so what must go is left out, and would be sent empty otherwise. It never
 * passes `Connection` on, and has removed what `Connection` names before. Of the cookies, it adds those that
 * `addAuthCookiesToResponse` names to the answer.
 *
 * @see Traefik 3.7: pkg/middlewares/auth/forward.go
 */
export const traefik: HttpGateway = {
  setsAnyHeader: false,
  removesAnyHeader: false,
  replacesQuery: false,
  read: (asked) => originalQuestion(asked, { method: 'x-forwarded-method', uri: 'x-forwarded-uri' }),
  permit: (permission) => passing([...setHeaders(permission), ...cookieHeaders(permission)]),
  refuse: handedOn,
};
