import ipaddr from 'ipaddr.js';
import type { StringField } from '../../../schema/kong-schema';
import type { Violation } from '../../../schema/validate';
import { errorFor } from '../exchange';
import type { PluginKind } from '../plugin-definition';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Range = readonly [Address, number];

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
  schema: {
    type: 'record',
    fields: [
      {
        config: {
          type: 'record',
          required: true,
          fields: [
            { allow: { type: 'array', elements: range } },
            { deny: { type: 'array', elements: range } },
            { status: { type: 'number', between: [400, 599] } },
            { message: { type: 'string' } },
          ],
          entity_checks: [{ at_least_one_of: ['allow', 'deny'] }],
        },
      },
    ],
  },
  violations: (config) => ['allow', 'deny'].flatMap((list) => rangeViolations(list, config as Config)),
  configure: ({ config }, { log }) => {
    const { allow = [], deny = [], status = 403, message } = config as Config;
    const allowed = allow.map(parseRange);
    const denied = deny.map(parseRange);
    return {
      access: (exchange) => {
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

function rangeViolations(list: string, config: Config): Violation[] {
  const ranges = config[list as 'allow' | 'deny'] ?? [];
  return ranges.flatMap((text, i) => {
    try {
      parseRange(text);
      return [];
    } catch {
      return [{ field: `config.${list}[${i + 1}]`, message: `invalid ip or cidr range: '${text}'` }];
    }
  });
}

function parseRange(text: string): Range {
  if (text.includes('/')) return ipaddr.parseCIDR(text);
  const address = ipaddr.parse(text);
  return [address, address.kind() === 'ipv4' ? 32 : 128];
}

function isIn(address: Address, [network, bits]: Range): boolean {
  return address.kind() === network.kind() && address.match(network, bits);
}
