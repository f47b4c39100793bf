import { createServer, type Server } from 'node:http';
import { AggregatorRegistry, Counter, Gauge, Registry } from 'prom-client';
import type { Log } from '../../telemetry/log';
import { listen } from '../listening/listen';

/** Where metrics are served. */
export interface MetricsAddress {
  readonly host: string;
  readonly port: number;
}

/** What the supervisor knows about its workers. */
export interface WorkerCensus {
  readonly living: number;
  readonly restarts: number;
}

/**
 * Serves `GET /metrics` in Prometheus' text format: the metrics of all workers and of the supervisor. Resolves with
 * the server when it listens.
 *
 * @throws the error of `listen(2)`
 */
export function serveMetrics({ host, port }: MetricsAddress, census: () => WorkerCensus, log: Log): Promise<Server> {
  const workers = new AggregatorRegistry();
  const own = supervisorRegistry(census);
  const server = createServer((request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || request.url !== '/metrics') {
      response.writeHead(isRead ? 404 : 405).end();
      return;
    }
    Promise.all([workers.clusterMetrics(), own.metrics()]).then(
      (texts) => response.writeHead(200, { 'Content-Type': own.contentType }).end(texts.join('\n')),
      // A worker that does not answer in time (prom-client waits 5 s) must not end the supervisor.
      () => response.writeHead(503).end(),
    );
  });
  return listen(server, { host, port }, log);
}

function supervisorRegistry(census: () => WorkerCensus): Registry {
  const registry = new Registry();
  const workers = new Gauge({
    name: 'jwt_identity_workers',
    help: 'Workers that are alive.',
    registers: [registry],
    collect: () => {
      workers.set(census().living);
    },
  });
  const restarts = new Counter({
    name: 'jwt_identity_worker_restarts_total',
    help: 'Workers that died and were replaced.',
    registers: [registry],
    collect: () => {
      restarts.reset();
      restarts.inc(census().restarts);
    },
  });
  return registry;
}
