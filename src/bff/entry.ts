/**
 * Entry point `kong-plugin-jwt-identity/bff`: the gatekeeper, and {@link routeConfig} and the door, which read a kong.yml
 * and so need the YAML library. The package `kong-jwt-identity-node` offers the three apart.
 */
export * from './gatekeeper';
export * from './door/door';
export { routeConfig } from './route-config';
