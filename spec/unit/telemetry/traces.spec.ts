import { describe, expect, it } from '@jest/globals';
import { areTracesWanted } from '../../../src/telemetry/traces';

const OTEL_EXPORTER_OTLP_ENDPOINT = 'http://127.0.0.1:4318';

describe('spans', () => {
  it.each<[string, NodeJS.ProcessEnv, boolean]>([
    ['nothing', {}, false],
    ['a receiver', { OTEL_EXPORTER_OTLP_ENDPOINT }, true],
    ['a receiver for traces', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT }, true],
    ['an empty receiver', { OTEL_EXPORTER_OTLP_ENDPOINT: '' }, false],
    ['a receiver for metrics', { OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: OTEL_EXPORTER_OTLP_ENDPOINT }, false],
    ['that the SDK is off', { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SDK_DISABLED: 'True' }, false],
    ['that there is no exporter', { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false],
    ['another exporter', { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'console' }, false],
    ['the exporter for OTLP', { OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_TRACES_EXPORTER: 'otlp' }, true],
  ])('when the environment names %s are wanted: %p', (_, environment, wanted) => {
    expect(areTracesWanted(environment)).toBe(wanted);
  });
});
