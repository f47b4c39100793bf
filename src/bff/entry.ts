/**
 * Entry point `kong-plugin-jwt-identity/bff`: the gatekeeper, and {@link routeConfig}, which reads a kong.yml and so
 * needs the YAML library. The package `kong-jwt-identity-node` offers the two apart.
 */
export * from './gatekeeper';
export { routeConfig } from './route-config';
