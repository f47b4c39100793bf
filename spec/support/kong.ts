import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Environment } from '../../src/gateway/declarative/vault';
import { startGateway } from '../../src/gateway/gateway';
import { packagedServer } from '../../src/gateway/pluginsocket/packaged-server';
import { createLogger } from '../../src/telemetry/log';

/** What Kong is started with. */
export interface KongOptions {
  /** The text of a kong.yml. */
  readonly declarativeConfig: string;
  /** Variables for the `env` vault. */
  readonly environment?: Environment;
}

/** A gateway that serves with this package's plugin. */
export interface Kong {
  /** Where clients connect, without a slash at the end. */
  readonly proxyUrl: string;
  readonly host: string;
  readonly port: number;
  /** Everything it logged so far. */
  log(): string;
  /** Puts another kong.yml in place and resolves when it serves. @throws when it is refused, with the reason */
  reload(declarativeConfig: string): Promise<void>;
  /** Ends it with everything it started. */
  stop(): Promise<void>;
}

/** Starts Kong on a free port of 127.0.0.1 with this package's plugin server. */
export async function startKong({ declarativeConfig, environment = {} }: KongOptions): Promise<Kong> {
  const folder = mkdtempSync(join(tmpdir(), 'kong-'));
  const lines: string[] = [];
  const { log } = createLogger('debug', (line) => lines.push(line));
  const gateway = await startGateway({
    kongYml: declarativeConfig,
    listen: { host: '127.0.0.1', port: 0 },
    pluginServers: [packagedServer(folder, ['--log-level', 'debug'])],
    environment,
    log,
  });
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
