import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ExchangeRecord } from '../../src/gateway/exchange-record';
import { startGateway } from '../../src/gateway/gateway';
import { packagedServer } from '../../src/gateway/pluginsocket/packaged-server';
import { createLogger } from '../../src/telemetry/log';
import type { Decision } from './journal';
import { listenFailure, LOOPBACK, type Listening } from './listen';

/** What {@link startDemoGateway} needs. */
export interface DemoGatewayOptions {
  readonly kongYml: string;
  readonly port: number;
  /** Where its connections to the services come from. */
  readonly address: string;
  readonly onDecision: (decision: Decision) => void;
}

/**
 * Starts the development gateway with the plugin server that Kong would run, too. Both log to stderr when something is
 * wrong.
 *
 * @throws DemoFailure when the port is taken
 */
export async function startDemoGateway(options: DemoGatewayOptions): Promise<Listening> {
  const { kongYml, port, address, onDecision } = options;
  const folder = await mkdtemp(join(tmpdir(), 'jwt-identity-demo-'));
  const removeFolder = (): Promise<void> => rm(folder, { recursive: true, force: true });
  try {
    const gateway = await startGateway({
      kongYml,
      listen: { host: LOOPBACK, port },
      serviceLocalAddress: address,
      pluginServers: [packagedServer(folder, ['--workers', '1'])],
      log: createLogger('warn').log,
      observer: (record) => {
        onDecision(decisionOf(record));
      },
    });
    return {
      port: Number(new URL(gateway.url).port),
      stop: async () => {
        await gateway.stop();
        await removeFolder();
      },
    };
  } catch (error) {
    await removeFolder();
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
