import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Tracer,
} from '@opentelemetry/api';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector, resourceFromAttributes } from '@opentelemetry/resources';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import { version } from '../../../package.json';
import { keyFetchChannel, traceChannel, type KeyFetchMessage, type TraceMessage } from '../../telemetry/channels';
import { describeError } from '../../telemetry/describe-error';
import type { Log } from '../../telemetry/log';

/** Spans on their way to a receiver. */
export interface Traces {
  /** Sends what is left, and gives up after `maximumMs`. Never rejects. */
  close(maximumMs: number): Promise<void>;
}

/** What a span is called and what its attributes begin with. */
const NAME = 'jwt_identity';

/**
 * Sends a span for each decision, with one for each of its steps, and one for each fetch of keys, over OTLP/HTTP. Where
 * to, how many and how often is read from the standard variables (`OTEL_EXPORTER_OTLP_…`, `OTEL_TRACES_SAMPLER`,
 * `OTEL_BSP_…`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_SERVICE_NAME`).
 *
 * No decision waits for it. Spans wait in a bounded queue (`OTEL_BSP_MAX_QUEUE_SIZE`, 2048) and are dropped when it is
 * full, so a receiver that hangs costs no more than that memory. A span holds codes, names of the configuration and times:
 * no token, no claim and no key.
 *
 * @see OpenTelemetry specification, "OTLP Exporter Configuration", "Batch Span Processor"
 */
export function openTraces(log: Log): Traces {
  const provider = new BasicTracerProvider({
    resource: defaultResource()
      .merge(resourceFromAttributes({ 'service.name': 'kong-jwt-identity', 'service.version': version }))
      .merge(detectResources({ detectors: [envDetector] })),
    spanProcessors: [new BatchSpanProcessor(reporting(new OTLPTraceExporter(), log))],
  });
  const tracer = provider.getTracer('kong-plugin-jwt-identity', version);
  const later = <Message>(draw: (tracer: Tracer, message: Message) => void): ((message: Message) => void) => {
    return (message) => {
      // After the answer is on its way. An exception here must not reach the process.
      setImmediate(() => {
        try {
          draw(tracer, message);
        } catch (error) {
          log('error', 'a span could not be created', describeError(error));
        }
      });
    };
  };
  traceChannel.subscribe(later(drawDecision));
  keyFetchChannel.subscribe(later(drawFetch));
  return {
    close: async (maximumMs) => {
      const limit = new Promise((resolve) => setTimeout(resolve, maximumMs).unref());
      await Promise.race([provider.shutdown().catch(() => undefined), limit]);
    },
  };
}

function drawDecision(tracer: Tracer, { decision, policy, parent, startMs, endMs, steps }: TraceMessage): void {
  const { outcome, code, status, issuer, kid, shadow } = decision;
  const span = tracer.startSpan(
    `${NAME}.decision`,
    {
      kind: SpanKind.INTERNAL,
      startTime: startMs,
      attributes: {
        [`${NAME}.outcome`]: outcome,
        [`${NAME}.code`]: code,
        ...(policy !== undefined && { [`${NAME}.policy`]: policy }),
        ...(issuer !== undefined && { [`${NAME}.issuer`]: issuer }),
        ...(kid !== undefined && { [`${NAME}.kid`]: kid }),
        ...(shadow !== undefined && { [`${NAME}.shadow`]: shadow }),
        ...(status > 0 && { 'http.response.status_code': status }),
        ...(status >= 500 && { 'error.type': code }),
      },
    },
    contextOf(parent),
  );
  // HTTP spans: a refusal with 4xx is not an error of the server.
  if (status >= 500) span.setStatus({ code: SpanStatusCode.ERROR });
  if (span.isRecording()) {
    const inside = trace.setSpan(ROOT_CONTEXT, span);
    for (const step of steps) {
      tracer.startSpan(`${NAME}.${step.name}`, { startTime: step.startMs }, inside).end(step.endMs);
    }
  }
  span.end(endMs);
}

function drawFetch(tracer: Tracer, { issuer, outcome, durationMs, keys }: KeyFetchMessage): void {
  const endMs = Date.now();
  const attributes = { [`${NAME}.issuer`]: issuer, [`${NAME}.outcome`]: outcome, [`${NAME}.keys`]: keys };
  const span = tracer.startSpan(
    `${NAME}.fetch_keys`,
    { kind: SpanKind.CLIENT, startTime: endMs - durationMs, attributes, root: true },
    ROOT_CONTEXT,
  );
  if (outcome === 'failed') span.setAttribute('error.type', 'fetch_failed').setStatus({ code: SpanStatusCode.ERROR });
  span.end(endMs);
}

function contextOf(parent: TraceMessage['parent']): Context {
  if (parent === undefined) return ROOT_CONTEXT;
  const { traceId, parentId, isSampled } = parent;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return trace.setSpanContext(ROOT_CONTEXT, { traceId, spanId: parentId, traceFlags, isRemote: true });
}

/** `ExportResultCode.SUCCESS` of `@opentelemetry/core`, which is not imported for one number. */
const SUCCESS = 0;

/** Says once that a receiver fails, and once that it does no longer: the SDK says nothing. */
function reporting(exporter: SpanExporter, log: Log): SpanExporter {
  let hasFailed = false;
  return {
    export: (spans, done) => {
      exporter.export(spans, (result) => {
        const failed = (result.code as number) !== SUCCESS;
        if (failed && !hasFailed) log('warn', 'spans could not be sent', describeError(result.error));
        if (!failed && hasFailed) log('notice', 'spans can be sent again');
        hasFailed = failed;
        done(result);
      });
    },
    shutdown: () => exporter.shutdown(),
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
  };
}
