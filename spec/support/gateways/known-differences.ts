import type { GatewayName } from '../../../src/server/decisions/gateways';
import type { ConformanceCase } from '../conformance';

/** Where a gateway answers a conformance case in another, equally safe way. docs/OTHER-GATEWAYS.md lists them. */
export interface KnownDifference {
  readonly because: string;
  /** What this gateway does instead. */
  readonly expected?: ConformanceCase['expected'];
  /** The status with which the gateway itself refuses, before it asks. */
  readonly status?: number;
  /** What the policy's refusal at the start says. */
  readonly refusedAtStart?: string;
}

type Differences = Readonly<Record<string, KnownDifference>>;

const NO_QUERY: Differences = {
  'the token in the query': {
    because: 'the gateway cannot take a token out of the query',
    refusedAtStart: 'policies.orders.config.uri_param_names: this gateway cannot take a token out of the query',
  },
};

const ENVOY: Differences = {
  ...NO_QUERY,
  'a Connection header that names an identity header': {
    because: 'Envoy passes no Connection header on, and ignores what it names',
    expected: { service: { 'x-user-id': 'u1', 'x-user-roles': 'admin,user' } },
  },
};

/** By gateway, and by the name of the case. */
export const KNOWN_DIFFERENCES: Readonly<Record<GatewayName, Differences>> = {
  traefik: {
    ...NO_QUERY,
    'a Connection header that names an identity header': {
      because: 'Traefik removes what Connection names from the request of the client, before it asks',
      expected: { service: { 'x-user-id': 'u1', 'x-user-roles': 'admin,user' } },
    },
  },
  nginx: {
    ...NO_QUERY,
    'forged identity headers in every spelling': {
      because: 'nginx removes named headers only, and X-Consumer-ID is none that the policy writes',
      expected: { code: 'headers_forged', status: 400 },
    },
  },
  caddy: NO_QUERY,
  haproxy: {},
  envoy: ENVOY,
  'envoy-grpc': ENVOY,
};
