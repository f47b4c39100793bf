/**
 * Entry point `kong-plugin-jwt-identity/bff`: the gatekeeper, sessions, and {@link routeConfig} and the door, which read a
 * kong.yml and so need the YAML library. The package `kong-jwt-identity-node` offers the four apart.
 */
export * from './gatekeeper';
export * from './door/door';
export * from './session/session';
export { routeConfig } from './route-config';
