import { Refusal } from '../../../core/refusal/refusal';
import type { EnvoyCheckRequest, EnvoyCheckResponse, EnvoyHeaderOption } from '../envoy-check';
import type { GatewayAbilities, Permission, Question } from '../gateway';
import { headersOf, queryOf } from '../http-headers';
import type { Outcome } from '../policies';
import { cookieHeaders, removedNames, setHeaders } from './answer';

/** Envoy's `ext_authz` over gRPC sets and removes what it is told. */
export const envoyGrpc: GatewayAbilities = { setsAnyHeader: true, removesAnyHeader: true, replacesQuery: false };

/** Where a route of Envoy's names its policy: a member of `context_extensions`. */
const POLICY_EXTENSION = 'policy';
/** `APPEND_IF_EXISTS_OR_ADD` and `OVERWRITE_IF_EXISTS_OR_ADD`. */
const ADD = 0;
const OVERWRITE = 2;
/** gRPC status codes. */
const OK = 0;
const PERMISSION_DENIED = 7;

/**
 * Reads a check of Envoy's. It must hold the headers line by line (`encode_raw_headers: true`): in the other form Envoy joins
 * the values of a header, in ways that have changed (CVE-2026-26308).
 */
export function envoyQuestion({ attributes }: EnvoyCheckRequest): Question | Refusal {
  const http = attributes?.request?.http;
  if (http?.headerMap === undefined) {
    return new Refusal('configuration_error', 'Envoy sends no header_map: it needs encode_raw_headers: true');
  }
  const extensions = (attributes?.contextExtensions ?? []).filter(({ key }) => key === POLICY_EXTENSION);
  const policy = extensions.length === 1 ? extensions[0]?.value : undefined;
  if (policy === undefined) {
    return new Refusal('configuration_error', `the route of Envoy has no context_extensions.${POLICY_EXTENSION}`);
  }
  const { headerMap, method, path } = http;
  const lines = (headerMap.headers ?? []).flatMap(({ key = '', value = '', rawValue }) =>
    key.startsWith(':') ? [] : [key, rawValue === undefined || rawValue.length === 0 ? value : latin1(rawValue)],
  );
  const request = { headers: headersOf(lines), ...(method !== undefined && { method }), rawQuery: queryOf(path) };
  return { policy, request };
}

/** Each byte as one character, as Node gives headers. */
function latin1({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('latin1');
}

/** Returns the answer to a check. */
export function envoyAnswer(outcome: Outcome): EnvoyCheckResponse {
  if (outcome.outcome === 'proceed') {
    const { permission } = outcome;
    return {
      status: { code: OK },
      okResponse: {
        headers: options(setHeaders(permission)),
        headersToRemove: removedNames(permission),
        responseHeadersToAdd: cookies(permission),
      },
    };
  }
  const { status, headers, body } = outcome.response;
  return {
    status: { code: PERMISSION_DENIED },
    deniedResponse: { status: { code: status }, headers: options(Object.entries(headers).flat()), body },
  };
}

/** Lines are added, so each is one of its own. */
function cookies(permission: Permission): EnvoyHeaderOption[] {
  return options(cookieHeaders(permission)).map((option) => ({ ...option, appendAction: ADD }));
}

/** @param flat - names and values in turn; bytes that are not UTF-8 cannot be carried, and become U+FFFD */
function options(flat: readonly string[]): EnvoyHeaderOption[] {
  return flat.flatMap((name, i) => {
    if (i % 2 === 1) return [];
    const value = Buffer.from(flat[i + 1] ?? '', 'latin1').toString();
    return [{ header: { key: name.toLowerCase(), value }, appendAction: OVERWRITE }];
  });
}
