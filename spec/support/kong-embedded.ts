import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startGateway } from '../../src/gateway/gateway';
import { packagedServer } from '../../src/gateway/plugins/pluginsocket/packaged-server';
import { createLogger } from '../../src/telemetry/log';
import type { Kong, KongOptions } from './kong';

/** Longest that a busy machine may take to compile the plugin server and start it, in milliseconds. */
const PATIENCE_MS = 90_000;

/** Starts the development gateway in this process. Resolves when the plugin server serves, unlike the gateway itself. */
export async function startEmbeddedKong(options: KongOptions): Promise<Kong> {
  const { declarativeConfig, environment = {}, serveFlags = [], serviceLocalAddress } = options;
  const folder = mkdtempSync(join(tmpdir(), 'kong-'));
  const lines: string[] = [];
  const { log } = createLogger('debug', (line) => lines.push(line));
  const gateway = await startGateway({
    kongYml: declarativeConfig,
    listen: { host: '127.0.0.1', port: 0 },
    pluginServers: [packagedServer(folder, ['--log-level', 'debug', ...serveFlags])],
    environment,
    ...(serviceLocalAddress !== undefined && { serviceLocalAddress }),
    log,
  });
  await isServing(lines);
  const { hostname, port } = new URL(gateway.url);
  return {
    proxyUrl: gateway.url,
    host: hostname,
    port: Number(port),
    log: () => lines.join(''),
    reload: async (text) => {
      await gateway.reload(text);
    },
    stop: async () => {
      await gateway.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

async function isServing(lines: readonly string[]): Promise<void> {
  const latest = Date.now() + PATIENCE_MS;
  while (!lines.some((line) => line.includes('notice: serving socket='))) {
    if (Date.now() > latest) throw new Error(`the plugin server does not serve:\n${lines.join('')}`);
    await delay(20);
  }
}
