/**
 * Environment variables of OpenTelemetry that say where spans go; the first counts when both are there.
 *
 * @see OpenTelemetry Protocol Exporter: Endpoint URLs for OTLP/HTTP
 */
export const TRACES_ENDPOINT_VARIABLES = ['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_EXPORTER_OTLP_ENDPOINT'] as const;

/**
 * Whether the environment asks for spans: a receiver is named, and nothing turns them off. It does not say whether the
 * packages that send them are installed.
 *
 * @param environment - that of the process; an empty receiver counts as none
 * @see OpenTelemetry Environment Variable Specification: `OTEL_SDK_DISABLED` is a Boolean in any case, and
 *   `OTEL_TRACES_EXPORTER` is `otlp` by default
 */
export function areTracesWanted(environment: NodeJS.ProcessEnv): boolean {
  const { OTEL_SDK_DISABLED: disabled, OTEL_TRACES_EXPORTER: exporter = 'otlp' } = environment;
  if (disabled?.toLowerCase() === 'true' || exporter !== 'otlp') return false;
  return TRACES_ENDPOINT_VARIABLES.some((name) => (environment[name] ?? '') !== '');
}
