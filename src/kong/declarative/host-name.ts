/** What Kong makes of a text that should be a host: its port, if it has one, or what is wrong. */
type Host = { readonly port: number | null } | { readonly problem: string };

const MAX_PORT = 65_535;
const BAD_PORT = 'invalid port number';

/** Returns what is wrong with the host of a service. Kong 3.9.3: kong/db/schema/typedefs.lua, `validate_host`. */
export function hostProblem(text: string): string | null {
  const host = parseHost(text);
  if ('port' in host) return host.port === null ? null : 'must not have a port';
  return host.problem === BAD_PORT ? 'must not have a port' : `invalid value: ${text}`;
}

/**
 * Returns what is wrong with a host of a route: a name or an address, with a port or without; a name may have `*` as its
 * first or last label.
 *
 * Kong 3.9.3: kong/db/schema/typedefs.lua, `hosts`
 */
export function routeHostProblem(text: string): string | null {
  if (!/^[^*]*\*?[^*]*$/.test(text)) return 'invalid wildcard: must have at most one wildcard';
  if (!/^\*\.|\.\*$|^[^*]*$/.test(text)) return 'invalid wildcard: must be placed at leftmost or rightmost label';
  const host = parseHost(text.replace('*', 'abc'));
  return 'problem' in host ? host.problem : null;
}

/** Kong 3.9.3: kong/tools/ip.lua, `normalize_ip` */
function parseHost(text: string): Host {
  if ((text.match(/:/g)?.length ?? 0) > 1) return parseIpv6(text);
  return /^[\d.]+$/.test(text.replace(':', '')) ? parseIpv4(text) : parseName(text);
}

function parseIpv4(text: string): Host {
  const [address = '', port] = text.split(':');
  const isAddress =
    /^\d{1,3}(?:\.\d{1,3}){3}$/.test(address) && address.split('.').every((part) => Number(part) <= 255);
  if (!isAddress || port === '') return { problem: `invalid ipv4 address: ${text}` };
  return withPort(port);
}

function parseIpv6(text: string): Host {
  const [, bracketed, rest] = /^\[([^[\]]*)\](.*)$/s.exec(text) ?? [];
  const problem = { problem: `invalid ipv6 address: ${text}` };
  if (rest !== undefined && !/^(?::\d+)?$/.test(rest)) return problem;
  const padded = (bracketed ?? text).replace(/^:/, '0:').replace(/:$/, ':0');
  const colons = padded.match(/:/g)?.length ?? 0;
  const full = padded.replace('::', `:${'0:'.repeat(Math.max(0, 8 - colons))}`);
  if (!/^[\da-f]{1,4}(?::[\da-f]{1,4}){7}$/i.test(full)) return problem;
  return withPort(rest === undefined || rest === '' ? undefined : rest.slice(1));
}

function parseName(text: string): Host {
  const [, port] = /:(\d+)$/.exec(text) ?? [];
  const name = port === undefined ? text : text.slice(0, -port.length - 1);
  const labels = name.split('.');
  const isName =
    /^[\w.-]+$/.test(name) &&
    labels.every((label, i) => !label.endsWith('-') && (label !== '' || i === labels.length - 1));
  return isName ? withPort(port) : { problem: `invalid hostname: ${text}` };
}

function withPort(digits: string | undefined): Host {
  if (digits === undefined) return { port: null };
  return Number(digits) > MAX_PORT ? { problem: BAD_PORT } : { port: Number(digits) };
}
