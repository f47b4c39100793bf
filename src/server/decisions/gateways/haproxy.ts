import type { HttpGateway } from '../gateway';
import { cookieHeaders, handedOn, passing, removedNames, setHeaders } from './answer';
import { originalQuestion } from './question';

/**
 * HAProxy, through the shipped Lua action `http-request lua.jwt-identity`. The action sets and removes what it is told,
 * so HAProxy's own file need not name a header. It passes a request only when the answer has both lists, which no other
 * server sends.
 */
export const haproxy: HttpGateway = {
  setsAnyHeader: true,
  removesAnyHeader: true,
  replacesQuery: true,
  read: (asked) => originalQuestion(asked, { method: 'x-original-method', uri: 'x-original-uri', hop: 'x-original-' }),
  permit: (permission) => {
    const set = setHeaders(permission);
    return passing([
      ...['X-Decision-Set', set.filter((_, i) => i % 2 === 0).join(',')],
      ...['X-Decision-Remove', removedNames(permission).join(',')],
      ...(permission.rawQuery === undefined ? [] : ['X-Decision-Query', permission.rawQuery]),
      ...set,
      ...cookieHeaders(permission),
    ]);
  },
  refuse: handedOn,
};
