import type { EntityReader, Found, Given } from './entity-reader';

/**
 * Returns a service whose `url`, if it has one, is taken apart into protocol, host, port and path. They take the place
 * of those that are written beside it.
 *
 * Kong 3.9.3: kong/db/schema/entities/services.lua; it looks at a URL less closely than RFC 3986, and so do we.
 */
export function withAddress({ given, path }: Found, reader: EntityReader): Found {
  const { url, ...others } = given;
  if (url === undefined) return { given, path };
  if (typeof url === 'string' && url !== '') return { given: { ...others, ...partsOf(url) }, path };
  reader.refuse(`${path}.url`, 'expected http(s)://host, http(s)://host:port or either with a path');
  // What could not be read is not reported a second time, as a host that is missing.
  return { given: { ...others, host: 'unknown' }, path };
}

function partsOf(url: string): Given {
  const [, scheme, authority, rest = ''] = /^(?:([A-Za-z0-9][\w+\-.]*):)?(?:\/\/([^/]*))?(.*)$/s.exec(
    url.replace(/#.*$/s, ''),
  ) ?? [undefined, undefined, undefined, ''];
  const [, host, port] = /^(.*?)(?::([^:\]]*))?$/s.exec((authority ?? '').replace(/^[^@]*@/, '')) ?? [];
  const number = port !== undefined && /^\d+$/.test(port) ? Number(port) : port;
  const byPort = number === 443 ? 'https' : 'http';
  const protocol = scheme ?? byPort;
  return {
    protocol,
    host: textOrNull(host?.replace(/^\[(.+)\]$/s, '$1')),
    port: number ?? (protocol === 'https' ? 443 : 80),
    path: textOrNull(rest.replace(/\?.*$/s, '').replace(/;.*$/s, '')),
  };
}

function textOrNull(text: string | undefined): string | null {
  return text === undefined || text === '' ? null : text;
}
