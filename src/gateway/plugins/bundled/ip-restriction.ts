import ipaddr from 'ipaddr.js';
import type { StringField } from '../../../kong/schema-language/field';
import type { Violation } from '../../../kong/schema-language/violation';
import { errorFor } from '../../exchange/exchange';
import type { PluginKind } from '../plugin-kind';
import { configSchema } from './config-schema';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [network: Address, bits: number];

interface Config {
  readonly allow?: readonly string[];
  readonly deny?: readonly string[];
  readonly status?: number;
  readonly message?: string;
}

const range: StringField = { type: 'string' };

/** Kong's `ip-restriction`: lets a request pass by the address it comes from. */
export const ipRestriction: PluginKind = {
  name: 'ip-restriction',
  priority: 990,
  schema: configSchema(
    [
      { allow: { type: 'array', elements: range } },
      { deny: { type: 'array', elements: range } },
      { status: { type: 'number' } },
      { message: { type: 'string' } },
    ],
    [{ at_least_one_of: ['allow', 'deny'] }],
  ),
  violations: (config) => [...rangeViolations('allow', config), ...rangeViolations('deny', config)],
  configure: ({ config }, { log }) => {
    const { allow = [], deny = [], status = 403, message } = config as Config;
    const allowed = allow.map(parseRange);
    const denied = deny.map(parseRange);
    return {
      access: (exchange) => {
        // The peer of the connection: `X-Forwarded-For` is not believed, as with Kong's default of no `trusted_ips`.
        const address = ipaddr.process(exchange.client.address);
        const isDenied = denied.some((item) => isIn(address, item));
        if (!isDenied && (allowed.length === 0 || allowed.some((item) => isIn(address, item)))) return null;
        const text = message ?? `IP address not allowed: ${exchange.client.address}`;
        log('warn', text, { request_id: exchange.requestId });
        return errorFor(exchange, status, text);
      },
    };
  },
};

function rangeViolations(list: 'allow' | 'deny', config: Config): Violation[] {
  return (config[list] ?? []).flatMap((text, i) => {
    try {
      parseRange(text);
      return [];
    } catch {
      return [{ field: `config.${list}[${i + 1}]`, message: `invalid ip or cidr range: '${text}'` }];
    }
  });
}

/** @throws Error for a text that is neither an address nor a range */
function parseRange(text: string): Range {
  const [given = '', bits, ...others] = text.split('/');
  // Kong 3.9.3: brackets around an IPv6 address are taken, zones are not.
  const address = given.replace(/^\[(.*)\]$/, '$1');
  const isIpv4 = given === address && ipaddr.IPv4.isValidFourPartDecimal(address);
  if (!isIpv4 && (!ipaddr.IPv6.isValid(address) || address.includes('%'))) throw new Error('no address');
  const longest = isIpv4 ? 32 : 128;
  const isRange = bits === undefined || (/^(?:0|[1-9]\d{0,2})$/.test(bits) && Number(bits) <= longest);
  if (!isRange || others.length > 0) throw new Error('no range');
  return [ipaddr.parse(address), bits === undefined ? longest : Number(bits)];
}

function isIn(address: Address, [network, bits]: Range): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}
