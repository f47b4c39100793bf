import type { HttpGateway } from '../gateway';
import { firstSegment, headersOf, queryOf } from '../http-headers';
import { cookieHeaders, handedOn, passing, removedNames, setHeaders } from './answer';

/**
 * Envoy's `ext_authz` over HTTP. Envoy asks with the client's method, headers and target, behind `path_prefix`. It sets the
 * headers of the answer that `allowed_upstream_headers` covers, and removes those that the answer names in
 * `x-envoy-auth-headers-to-remove`.
 *
 * @see Envoy 1.40: source/extensions/filters/common/ext_authz/ext_authz_http_impl.cc
 */
export const envoy: HttpGateway = {
  setsAnyHeader: false,
  removesAnyHeader: true,
  replacesQuery: false,
  read: ({ method, url, rawHeaders }) => {
    const headers = headersOf(rawHeaders);
    return { policy: firstSegment(url), request: { headers, method, rawQuery: queryOf(url) } };
  },
  permit: (permission) =>
    passing([
      'X-Envoy-Auth-Headers-To-Remove',
      removedNames(permission).join(','),
      ...setHeaders(permission),
      ...cookieHeaders(permission),
    ]),
  refuse: handedOn,
};
