import type { EntityReader, Found } from './entity-reader';

const URL_FORM =
  /^(?<protocol>[a-z]+):\/\/(?<host>\[[^\]]+\]|[^/:?#@\s]+)(?::(?<port>[0-9]{1,5}))?(?<path>\/[^?#\s]*)?$/;

/** Returns a service whose `url`, if it has one, is taken apart into protocol, host, port and path, as Kong does. */
export function withAddress({ given, path }: Found, reader: EntityReader): Found {
  const { url, ...others } = given;
  if (url === undefined) return { given, path };
  const parts = typeof url === 'string' ? URL_FORM.exec(url)?.groups : undefined;
  const { protocol, host, port, path: prefix } = parts ?? {};
  if (protocol === undefined)
    reader.refuse(`${path}.url`, 'expected http(s)://host, http(s)://host:port or either with a path');
  const defaultPort = protocol === 'https' ? 443 : 80;
  const address = { protocol, host, port: port === undefined ? defaultPort : Number(port), path: prefix };
  // What could not be read is not reported a second time, as a host that is missing.
  return { given: { ...others, ...(protocol === undefined ? { host: 'unknown' } : address) }, path };
}
