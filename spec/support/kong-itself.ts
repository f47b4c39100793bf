import { request } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { parseDocument } from 'yaml';
import type { Kong, KongOptions } from './kong';

/** What Kong is started with. */
export interface KongSettings {
  /** The text of the kong.yml. */
  readonly declarativeConfig: string;
  /** `KONG_…` variables, but for those that say where files are, and variables for the `env` vault. */
  readonly environment: Readonly<Record<string, string>>;
  /** More arguments for `kong-jwt-identity serve`. */
  readonly serveFlags: readonly string[];
}

/** A Kong that was started, however it was. */
export interface KongProcess {
  log(): string;
  isRunning(): boolean;
  stop(): Promise<void>;
}

const HOST = '127.0.0.1';
/** How long Kong may take to serve a configuration, in milliseconds: shorter than a test may, so that its log is shown. */
const PATIENCE_MS = 25_000;
/** Between two looks whether it does, in milliseconds. */
const LOOK_MS = 50;

/**
 * Starts Kong itself, with one worker unless `environment` says otherwise, on free ports of 127.0.0.1. Resolves when the
 * plugin decides about requests.
 *
 * @throws when Kong refuses the configuration, with its reason
 */
export async function startKongItself(
  { declarativeConfig, environment = {}, serveFlags = [], serviceLocalAddress, patienceMs = PATIENCE_MS }: KongOptions,
  launch: (settings: KongSettings) => Promise<KongProcess>,
): Promise<Kong> {
  const [port, adminPort] = await freePorts();
  const first = withProbe(declarativeConfig);
  const kong = await launch({
    declarativeConfig: first.text,
    environment: {
      ...(environment as Readonly<Record<string, string>>),
      KONG_DATABASE: 'off',
      KONG_PROXY_LISTEN: `${HOST}:${port}`,
      KONG_ADMIN_LISTEN: `${HOST}:${adminPort}`,
      KONG_ADMIN_GUI_LISTEN: 'off',
      KONG_STATUS_LISTEN: 'off',
      KONG_NGINX_WORKER_PROCESSES: environment['KONG_NGINX_WORKER_PROCESSES'] ?? '1',
      // Below `info`, Kong does not show what the plugin server says.
      KONG_LOG_LEVEL: environment['KONG_LOG_LEVEL'] ?? 'info',
      KONG_ALLOW_DEBUG_HEADER: 'on',
      KONG_ANONYMOUS_REPORTS: 'off',
      ...(serviceLocalAddress !== undefined && { KONG_NGINX_PROXY_PROXY_BIND: serviceLocalAddress }),
    },
    serveFlags,
  });
  const serves = async (probe: string, deadline: number): Promise<void> => {
    while (!(await isRefused(port, probe, deadline - performance.now()).catch(() => false))) {
      if (!kong.isRunning()) throw new Error(`Kong ended:\n${kong.log()}`);
      if (performance.now() > deadline) throw new Error(`Kong does not serve:\n${kong.log()}`);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };
  await serves(first.probe, performance.now() + patienceMs).catch(async (error: unknown) => {
    await kong.stop();
    throw error;
  });
  return {
    proxyUrl: `http://${HOST}:${port}`,
    host: HOST,
    port,
    log: () => kong.log(),
    reload: async (text) => {
      const next = withProbe(text);
      const deadline = performance.now() + PATIENCE_MS;
      const response = await fetch(`http://${HOST}:${adminPort}/config`, {
        method: 'POST',
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({ config: next.text }),
        signal: AbortSignal.timeout(PATIENCE_MS),
      }).catch((cause: unknown) => {
        throw new Error(`Kong does not answer POST /config:\n${kong.log()}`, { cause });
      });
      const answer = await response.text();
      if (!response.ok) throw new Error(answer);
      await serves(next.probe, deadline);
    },
    stop: () => kong.stop(),
  };
}

let probes = 0;

/**
 * Adds a guarded route for a host that nobody else asks for. Kong names the route that it took when a client asks it
 * to, so a request there tells whether this very configuration is in force; and the answer is 500, not 401, until the
 * plugin server is.
 */
function withProbe(text: string): { readonly text: string; readonly probe: string } {
  const probe = `probe-${process.pid}-${++probes}`;
  const document = parseDocument(text, { version: '1.1', merge: true });
  const config = { issuers: [{ issuer: probe, audiences: [probe], secret: 'a secret that never signed any token' }] };
  const routes = [{ name: probe, hosts: [`${probe}.test`], plugins: [{ name: 'jwt-identity', config }] }];
  try {
    document.addIn(['services'], document.createNode({ name: probe, url: `http://${HOST}:1`, routes }));
    return { text: document.toString(), probe };
  } catch {
    // It is no kong.yml. That is for Kong to say.
    return { text, probe };
  }
}

/** Whether a request to the probe's route is refused by the plugin. Rejects when that takes longer than `limitMs`. */
function isRefused(port: number, probe: string, limitMs: number): Promise<boolean> {
  const headers = { Host: `${probe}.test`, 'Kong-Debug': '1' };
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: HOST, port, headers, agent: false, timeout: Math.max(1, limitMs) }, (response) => {
      response.resume();
      resolve(response.statusCode === 401 && response.headers['kong-route-name'] === probe);
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** Two ports that were free a moment ago: Kong cannot be told to take any, and to say which. */
export async function freePorts(): Promise<[number, number]> {
  const servers = [createServer(), createServer()];
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve) => {
          server.listen(0, HOST, () => {
            resolve((server.address() as AddressInfo).port);
          });
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports as [number, number];
}
