import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { watchFile } from '../../src/cli/file-watch';
import { ConfigurationError } from '../../src/kong/declarative/configuration-error';
import type { ExchangeRecord } from '../../src/gateway/exchange/exchange-record';
import { startGateway } from '../../src/gateway/gateway';
import { packagedServer } from '../../src/gateway/plugins/pluginsocket/packaged-server';
import { createLogger } from '../../src/telemetry/log';
import type { Decision } from './journal';
import { DemoFailure, listenFailure, LOOPBACK, type Listening } from './listen';

/** What {@link startDemoGateway} needs. */
export interface DemoGatewayOptions {
  /** Path of a kong.yml, which is read again when it changes. */
  readonly kongFile: string;
  /** Returns the text for the gateway. */
  readonly readKongYml: () => string;
  readonly port: number;
  /** Where its connections to the services come from. */
  readonly address: string;
  readonly onDecision: (decision: Decision) => void;
  /** Told when the kong.yml has changed, with what is wrong with it; the one from before then goes on serving. */
  readonly onReload: (problem: string | null) => void;
}

/**
 * Starts the development gateway with the plugin server that Kong would run, too. Both log to stderr when something is
 * wrong.
 *
 * @throws DemoFailure when the port is taken or the kong.yml cannot be used
 */
export async function startDemoGateway(options: DemoGatewayOptions): Promise<Listening> {
  const { kongFile, readKongYml, port, address, onDecision, onReload } = options;
  const folder = await mkdtemp(join(tmpdir(), 'jwt-identity-demo-'));
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const gateway = await startGateway({
      kongYml: readKongYml(),
      listen: { host: LOOPBACK, port },
      serviceLocalAddress: address,
      pluginServers: [packagedServer(folder, ['--workers', '1'])],
      log: createLogger('warn').log,
      observer: (record) => {
        onDecision(decisionOf(record));
      },
    });
    const reload = async (): Promise<void> => {
      await gateway.reload(readKongYml());
    };
    const unwatch = watchFile(kongFile, () => {
      reload().then(
        () => {
          onReload(null);
        },
        (error: unknown) => {
          onReload((error as Error).message);
        },
      );
    });
    return {
      port: Number(new URL(gateway.url).port),
      stop: async () => {
        unwatch();
        await gateway.stop();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
    if (error instanceof ConfigurationError) throw new DemoFailure(error.message.replace(/^/gm, `${kongFile}: `));
    throw listenFailure(error as NodeJS.ErrnoException, port, 'gateway');
  }
}

/** What the plugin hands to Kong's log plugins about a refusal. */
interface LogEntry {
  readonly code?: string;
  readonly reason?: string;
  /** kong.yml: `log_user_claim`. Only when the token was verified. */
  readonly user?: string;
}

/** Returns what the gateway did with a request, and for whom. */
export function decisionOf({ exchange, response, answeredBy, forwarded }: ExchangeRecord): Decision {
  const { code, reason, user } = (exchange.serialized.get('jwt_identity') ?? {}) as LogEntry;
  return {
    requestId: exchange.requestId,
    method: exchange.method,
    target: exchange.target,
    route: exchange.route?.name ?? null,
    outcome: forwarded === null ? 'refused' : answeredBy.kind === 'service' ? 'let through' : 'failed',
    status: response.status,
    code,
    reason,
    user: forwarded?.headers.first('x-user-id') ?? user,
  };
}
