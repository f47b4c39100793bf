import { peerDependencies } from '../../package.json';

/**
 * Returns the optional packages of a scope that are not installed, with the versions to install: `npm install` leaves them
 * out.
 *
 * @param scope - `@opentelemetry/` for spans, `@grpc/` for Envoy's `ext_authz` over gRPC
 * @param resolve - `require.resolve`
 */
export function missingPackages(scope: string, resolve: (name: string) => unknown): readonly string[] {
  const missing = Object.entries(peerDependencies).filter(([name]) => {
    if (!name.startsWith(scope)) return false;
    try {
      resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  return missing.map(([name, version]) => `${name}@${version}`);
}
