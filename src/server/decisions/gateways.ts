import type { HttpGateway } from './gateway';
import { caddy } from './gateways/caddy';
import { envoy } from './gateways/envoy';
import { haproxy } from './gateways/haproxy';
import { nginx } from './gateways/nginx';
import { traefik } from './gateways/traefik';

/** The gateways that ask over HTTP, by the name that `--gateway` takes. */
export const HTTP_GATEWAYS = { traefik, nginx, caddy, haproxy, envoy } as const satisfies Record<string, HttpGateway>;

/** A name that `--gateway` takes. */
export type GatewayName = keyof typeof HTTP_GATEWAYS;

/** All of them. */
export const GATEWAY_NAMES = Object.keys(HTTP_GATEWAYS) as readonly GatewayName[];
