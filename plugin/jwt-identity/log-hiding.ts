import { hideCredentials, type HiddenCredentials } from '../../src/core/request/credential-hiding';
import type { TokenSources } from '../../src/core/request/bearer-token';
import type { RequestView } from '../../src/core/request/request-view';
import type { Pdk } from './pdk';

/**
 * Takes the tokens out of a request that is refused, so that Kong's log plugins do not show them: a refused token may be
 * valid elsewhere. Kong 3.9.3, pdk/log.lua: log plugins show the headers and the query as the plugins left them, and
 * mask Authorization only. Nobody waits for these messages, except where a token was in the query.
 *
 * It changes no request without a token, so that the handler inside Kong's worker remembers the refusal of such a request
 * under the headers that the client sent.
 */
export async function hideFromLogs(kong: Pdk, request: RequestView, sources: TokenSources): Promise<void> {
  const { headers, rawQuery } = hideCredentials(request, sources);
  if (Object.keys(headers).length > 0) await kong.service.request.setHeaders(headers);
  if (rawQuery !== undefined) await replaceQuery(kong, rawQuery);
}

/**
 * Replaces the query for the service, and in what log plugins show as `request.uri` and `request.url`. Kong 3.9.3 takes
 * those two from the request line, which a plugin cannot change. It costs one round trip.
 */
export async function replaceQuery(kong: Pdk, rawQuery: NonNullable<HiddenCredentials['rawQuery']>): Promise<void> {
  await kong.service.request.setRawQuery(rawQuery);
  const names = ['request_uri', 'scheme', 'host', 'server_port'];
  const [target, scheme, host, port] = await Promise.all(names.map((name) => kong.nginx.getVar(name)));
  const path = (target ?? '').split('?', 1)[0] ?? '';
  const uri = rawQuery === '' ? path : `${path}?${rawQuery}`;
  await kong.log.setSerializeValue('request.uri', uri);
  await kong.log.setSerializeValue('request.url', `${scheme ?? ''}://${host ?? ''}:${port ?? ''}${uri}`);
}
