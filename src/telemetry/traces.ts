import { peerDependencies } from '../../package.json';

/** Environment variables of OpenTelemetry that say where spans go (OTLP Exporter Configuration). */
export const TRACES_ENDPOINT_VARIABLES = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;

/** Packages that send spans, with their versions. They are not installed with this one. */
const TRACES_PACKAGES: Readonly<Record<string, string>> = peerDependencies;

/** Whether the environment asks for spans: a receiver is named, and nothing turns them off. */
export function areTracesWanted(environment: NodeJS.ProcessEnv): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter = 'otlp' } = environment;
  if (disabled?.toLowerCase() === 'true' || exporter !== 'otlp') return false;
  return TRACES_ENDPOINT_VARIABLES.some((name) => (environment[name] ?? '') !== '');
}

/** Returns the packages for spans that are not there, with the versions to install. @param resolve - `require.resolve` */
export function missingTracesPackages(resolve: (name: string) => unknown): readonly string[] {
  const missing = Object.entries(TRACES_PACKAGES).filter(([name]) => {
    try {
      resolve(name);
      return false;
    } catch {
      return true;
    }
  });
  return missing.map(([name, version]) => `${name}@${version}`);
}
