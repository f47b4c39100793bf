import type { GatewayAbilities, HttpGateway } from './gateway';
import { caddy } from './gateways/caddy';
import { envoy } from './gateways/envoy';
import { envoyGrpc } from './gateways/envoy-grpc';
import { haproxy } from './gateways/haproxy';
import { nginx } from './gateways/nginx';
import { traefik } from './gateways/traefik';

/** The gateways that ask over HTTP, by the name that `--gateway` takes. */
export const HTTP_GATEWAYS = { traefik, nginx, caddy, haproxy, envoy } as const satisfies Record<string, HttpGateway>;

/** The name that `--gateway` takes for Envoy's `ext_authz` over gRPC. */
export const ENVOY_GRPC = 'envoy-grpc';

/** A name that `--gateway` takes. */
export type GatewayName = keyof typeof HTTP_GATEWAYS | typeof ENVOY_GRPC;

/** All of them. */
export const GATEWAY_NAMES = [...Object.keys(HTTP_GATEWAYS), ENVOY_GRPC] as readonly GatewayName[];

/** Returns what a gateway can do with an answer. */
export function abilitiesOf(name: GatewayName): GatewayAbilities {
  return name === ENVOY_GRPC ? envoyGrpc : HTTP_GATEWAYS[name];
}
