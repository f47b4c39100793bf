import { HEADER_LIMIT } from '../../src/core/request/header-hygiene';
import type { Policy } from '../../src/core/policy';
import type { RequestView } from '../../src/core/request/request-view';
import { presentEntity } from './earlier-authentication';
import type { Pdk } from './pdk';

/**
 * Reads what the policy needs of the request, and no more: usually the headers alone. The calls are started together,
 * so that they can travel in one write.
 *
 * @throws TypeError when Kong answers something that is no header list; the request is then refused
 */
export async function readRequest(kong: Pdk, policy: Policy): Promise<RequestView> {
  const { needsMethod, needsPath, needsQuery, allowAuthenticated, resourceMetadata } = policy;
  const needsTarget = resourceMetadata !== undefined;
  if (!needsMethod && !needsPath && !needsQuery && !allowAuthenticated && !needsTarget) {
    return { headers: headerMap(await kong.request.getHeaders(HEADER_LIMIT)) };
  }
  const [headers, method, path, rawQuery, credential, target] = await Promise.all([
    kong.request.getHeaders(HEADER_LIMIT),
    needsMethod || needsTarget ? kong.request.getMethod() : undefined,
    // Kong 3.9.3, runloop/handler.lua: set before the plugins' access phase; what the service will receive.
    needsPath ? kong.nginx.getVar('upstream_uri') : undefined,
    needsQuery ? kong.request.getRawQuery() : undefined,
    allowAuthenticated ? kong.client.getCredential() : undefined,
    // nginx: the target of the request line, before anything is decoded or normalized.
    needsTarget ? kong.nginx.getVar('request_uri') : undefined,
  ]);
  return {
    headers: headerMap(headers),
    ...(method !== undefined && { method }),
    ...(path && { path }),
    ...(target && { requestPath: target.split('?', 1)[0] ?? '' }),
    // Kong 3.9.3: no query arrives as an empty message or as nothing.
    ...(rawQuery !== undefined && { rawQuery }),
    isAuthenticated: presentEntity(credential) !== undefined,
  };
}

/** With MsgPack:1 every value is a list, with ProtoBuf:1 only a repeated header is: one line becomes a string for both. */
function headerMap(reply: unknown): RequestView['headers'] {
  if (typeof reply !== 'object' || reply === null) throw new TypeError('get_headers did not return headers');
  if (isHeaderMap(reply)) return reply;
  // Kong 3.9.3: an empty Lua table may arrive as an empty list.
  const headers = Object.create(null) as Record<string, string | readonly string[]>;
  for (const [name, value] of Object.entries(reply)) headers[name] = headerValue(value);
  return headers;
}

/** Whether nothing has to be changed: the usual case with ProtoBuf:1. */
function isHeaderMap(reply: object): reply is RequestView['headers'] {
  return !Array.isArray(reply) && Object.values(reply).every((value) => typeof value === 'string');
}

function headerValue(value: unknown): string | readonly string[] {
  if (typeof value === 'string') return value;
  if (!Array.isArray(value) || !value.every((line): line is string => typeof line === 'string')) {
    throw new TypeError('get_headers returned a value that is no text');
  }
  const [first, ...others] = value;
  return first !== undefined && others.length === 0 ? first : value;
}
