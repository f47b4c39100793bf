import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { openTraces } from '../../../src/cli/traces-flag';

const VARIABLES = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT', 'OTEL_SDK_DISABLED'];
const url = 'http://127.0.0.1:4318';
const none = (): never => {
  throw new Error('MODULE_NOT_FOUND');
};

describe('--traces', () => {
  afterEach(() => {
    for (const name of VARIABLES) Reflect.deleteProperty(process.env, name);
  });

  it('tells the workers where spans go, whatever the environment said before', () => {
    process.env['OTEL_EXPORTER_OTLP_TRACES_ENDPOINT'] = 'http://127.0.0.1:1';
    openTraces({ traces: url }, jest.fn());
    expect(VARIABLES.map((name) => process.env[name])).toEqual([url, undefined, undefined]);
  });

  it('without the packages ends the command with what installs them', () => {
    expect(() => {
      openTraces({ traces: url }, jest.fn(), none);
    }).toThrow(
      /--traces needs packages that are not installed: npm install @opentelemetry\/api@\^1\.4\.0 .*sdk-trace-base@/,
    );
  });

  it('left out, without the packages, a receiver in the environment is a warning, and nothing is sent', () => {
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = url;
    const log = jest.fn();
    openTraces({}, log, none);
    expect(log).toHaveBeenCalledWith('warn', expect.stringContaining('no spans are sent'), {
      cure: expect.stringContaining('npm install @opentelemetry/'),
    });
    expect(process.env['OTEL_SDK_DISABLED']).toBe('true');
  });

  it('left out does nothing when no receiver is named', () => {
    openTraces({}, jest.fn(), none);
    expect(VARIABLES.map((name) => process.env[name])).toEqual([undefined, undefined, undefined]);
  });
});
