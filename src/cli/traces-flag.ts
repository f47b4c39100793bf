import { InvalidArgumentError, Option } from 'commander';
import type { Log } from '../telemetry/log';
import { areTracesWanted, TRACES_ENDPOINT_VARIABLES } from '../telemetry/traces';
import { CommandFailure } from './command-failure';
import { missingPackages } from './optional-packages';

/** The flag for OpenTelemetry. */
export interface TracesFlag {
  readonly traces?: string;
}

/** `--traces`, for commands that decide. */
export function tracesOption(): Option {
  return new Option(
    '--traces <url>',
    'send OpenTelemetry spans there, over OTLP/HTTP; without it, where OTEL_EXPORTER_OTLP_ENDPOINT says',
  ).argParser(receiver);
}

/**
 * Tells the workers by OpenTelemetry's own variables where spans go. nginx hides these from a server that Kong starts, so
 * there is a flag, too.
 *
 * @throws CommandFailure when the flag is given and the packages that send spans are not installed
 */
export function openTraces(
  { traces }: TracesFlag,
  log: Log,
  resolve: (name: string) => unknown = require.resolve,
): void {
  if (traces !== undefined) {
    for (const name of TRACES_ENDPOINT_VARIABLES) Reflect.deleteProperty(process.env, name);
    process.env['OTEL_EXPORTER_OTLP_ENDPOINT'] = traces;
  }
  if (!areTracesWanted(process.env)) return;
  const missing = missingPackages('@opentelemetry/', resolve);
  if (missing.length === 0) return;
  const cure = `npm install ${missing.join(' ')}`;
  if (traces !== undefined) throw new CommandFailure(`--traces needs packages that are not installed: ${cure}`);
  process.env['OTEL_SDK_DISABLED'] = 'true';
  log('warn', 'no spans are sent: the packages for tracing are not installed', { cure });
}

function receiver(text: string): string {
  if (/^https?:\/\//.test(text) && URL.canParse(text)) return text;
  throw new InvalidArgumentError('It must be an http:// or https:// URL, such as http://127.0.0.1:4318.');
}
