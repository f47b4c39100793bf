import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Log } from '../../telemetry/log';
import { errorFor, nginxErrorFor, type Exchange, type ResponseHead } from '../exchange/exchange';
import type { ExchangeRecord, Observer } from '../exchange/exchange-record';
import type { Generation } from '../generation';
import type { LocalResponse } from '../http/local-response';
import type { ConfiguredPlugin } from '../plugins/plugin-kind';
import { serviceRequest, type ServiceRequest } from './forwarding';
import { refusePlainHttp } from './https-only';
import { openExchange } from './open-exchange';
import { addOwnHeaders, headFromHere, headFromService } from './response-head';
import { sendResponse } from './send-response';
import type { ServiceClient, ServiceResponse } from './service-client';

/** What requests are handled with. */
export interface RequestHandlerOptions {
  /** Returns the configuration for a new request. */
  readonly current: () => Generation;
  readonly client: ServiceClient;
  readonly log: Log;
  /** Unix time in milliseconds. */
  readonly now: () => number;
  readonly observer: Observer | undefined;
}

/** Handles one request from its first line to its log record. Never rejects. */
export type RequestHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  /** The status with which the request is refused although nothing is wrong with it here. */
  refusedWith?: number,
) => Promise<void>;

/** The response that was decided on, and what there is to tell about it. */
interface Answer {
  readonly head: ResponseHead;
  readonly content: Buffer | ServiceResponse;
  readonly plugins: readonly ConfiguredPlugin[];
  readonly facts: Pick<ExchangeRecord, 'answeredBy' | 'answer' | 'forwarded'>;
  readonly durations: Omit<ExchangeRecord['durations'], 'total'>;
}

/** Returns a handler that takes every request through routing, the plugins and the service, as Kong does. */
export function createRequestHandler(options: RequestHandlerOptions): RequestHandler {
  const { log, now, observer } = options;
  return async (request, response, refusedWith) => {
    const generation = options.current();
    const release = generation.hold();
    const gone = new AbortController();
    response.on('close', () => {
      gone.abort();
    });
    let exchange: Exchange | undefined;
    try {
      const arrival = openExchange(request, generation.router, now());
      const { refusal } = arrival;
      exchange = arrival.exchange;
      const work = new ExchangeWork(exchange, generation, gone.signal, options);
      const { head, content, plugins, facts, durations } = await work.answer(refusedWith ?? refusal?.status ?? null);
      const isComplete = await sendResponse(response, head, content);
      const total = now() - exchange.startedAtMs;
      const record = { exchange, response: head, ...facts, durations: { ...durations, total }, isComplete };
      for (const plugin of plugins) plugin.log?.(record);
      observer?.(record);
    } catch (error) {
      const { message: reason } = error as Error;
      log('error', 'request failed', { ...(exchange !== undefined && { request_id: exchange.requestId }), reason });
      await answerFailure(response, exchange);
    } finally {
      release();
    }
  };
}

/** Answers with 500, or ends the connection where that is not possible. Never rejects. */
async function answerFailure(response: ServerResponse, exchange: Exchange | undefined): Promise<void> {
  try {
    if (exchange === undefined || response.headersSent) response.destroy();
    else {
      const answer = errorFor(exchange, 500);
      await sendResponse(response, headFromHere(exchange, answer), answer.body);
    }
  } catch {
    response.destroy();
  }
}

/** The way of one request to its answer. */
class ExchangeWork {
  constructor(
    private readonly exchange: Exchange,
    private readonly generation: Generation,
    private readonly gone: AbortSignal,
    private readonly options: RequestHandlerOptions,
  ) {}

  /** @param refusedWith - the status with which nginx refuses the request, `null` when it does not */
  async answer(refusedWith: number | null): Promise<Answer> {
    const { exchange } = this;
    const { chain } = this.generation;
    if (refusedWith !== null) return this.local(nginxErrorFor(exchange, refusedWith), chain.everywhere);
    if (exchange.route === null) {
      return this.local(errorFor(exchange, 404, 'no Route matched with those values'), chain.everywhere);
    }
    const plainHttp = refusePlainHttp(exchange, exchange.route);
    if (plainHttp !== null) return this.local(plainHttp, chain.everywhere);
    const { plugins, exit } = await chain.access(exchange, (plugin, error) => {
      this.log(`plugin failed: ${(error as Error).message}`, { plugin });
      return errorFor(exchange, 500);
    });
    if (exit !== null) return this.local(exit.response, plugins, { kind: 'plugin', plugin: exit.plugin });
    if (exchange.service === null) {
      return this.local(errorFor(exchange, 503, 'no Service found with those values'), plugins);
    }
    return this.proxied(serviceRequest(exchange, exchange.service), plugins);
  }

  private async proxied(request: ServiceRequest, plugins: readonly ConfiguredPlugin[]): Promise<Answer> {
    const { exchange, options, gone } = this;
    const gateway = this.elapsedMs;
    const forwarded = { path: request.path, headers: request.headers };
    const outcome = await options.client.ask(request, exchange.body, gone);
    const durations = { gateway, service: this.elapsedMs - gateway };
    if ('reason' in outcome) {
      this.log('the service did not answer', { reason: outcome.reason });
      // Kong 3.9.3: looks the name up before nginx has anything to do with the service.
      if (outcome.status === 503) return this.local(errorFor(exchange, 503, 'name resolution failed'), plugins);
      const answer = nginxErrorFor(exchange, outcome.status);
      const facts = { answeredBy: { kind: 'gateway' }, answer, forwarded } as const;
      return this.finished(headFromHere(exchange, answer), { content: answer.body, plugins, facts, durations });
    }
    const facts = { answeredBy: { kind: 'service' }, answer: null, forwarded } as const;
    return this.finished(headFromService(exchange, outcome), { content: outcome, plugins, facts, durations });
  }

  private local(
    answer: LocalResponse,
    plugins: readonly ConfiguredPlugin[],
    answeredBy: ExchangeRecord['answeredBy'] = { kind: 'gateway' },
  ): Answer {
    const facts = { answeredBy, answer, forwarded: null };
    const durations = { gateway: this.elapsedMs, service: -1 };
    return this.finished(headFromHere(this.exchange, answer), { content: answer.body, plugins, facts, durations });
  }

  private finished(head: ResponseHead, rest: Omit<Answer, 'head'>): Answer {
    for (const plugin of rest.plugins) plugin.headerFilter?.(this.exchange, head);
    addOwnHeaders(head, this.exchange.requestId, rest.durations);
    return { head, ...rest };
  }

  private get elapsedMs(): number {
    return this.options.now() - this.exchange.startedAtMs;
  }

  private log(message: string, fields: Readonly<Record<string, string>>): void {
    this.options.log('error', message, { ...fields, request_id: this.exchange.requestId });
  }
}
