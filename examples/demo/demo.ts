import { relative } from 'node:path';
import { gatewayAddress, portsFrom, type Ports } from './addresses';
import { startDemoGateway } from './demo-gateway';
import { startIdentityProvider, type IdentityProvider } from './identity-provider/identity-provider';
import { TOKEN_LIFETIME_SECONDS } from './identity-provider/token-issuer';
import { USERS } from './identity-provider/users';
import { Journal } from './journal';
import { readKongYml } from './kong-file';
import { LOOPBACK } from './listen';
import { pageActions } from './page/page-actions';
import { startPage } from './page/page-server';
import { startNaiveService } from './services/naive-service';
import { ADMIN_PAGES, ORDERS_PAGES } from './services/shop';
import { printWelcome } from './story';
import { requestLine, type Terminal } from './terminal';

/** What {@link startDemo} needs. */
export interface DemoOptions {
  /** The gateway's port; the others follow it. 0: any that are free. */
  readonly basePort: number;
  /** Path of a kong.yml. */
  readonly kongFile: string;
}

/** A running demo. */
export interface Demo {
  readonly ports: Ports;
  /** Ends everything that was started, and leaves no file behind. */
  stop(): Promise<void>;
}

/**
 * Starts the whole shop: identity provider, services, plugin server, gateway and page, and tells the terminal.
 *
 * @throws DemoFailure when it cannot start; nothing is left running then
 */
export async function startDemo({ basePort, kongFile }: DemoOptions, terminal: Terminal): Promise<Demo> {
  const cleanUps: (() => Promise<void>)[] = [];
  const stop = async (): Promise<void> => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
  };
  const started = <T extends { stop(): Promise<void> }>(part: T): T => {
    cleanUps.push(() => part.stop());
    return part;
  };
  try {
    const wanted = portsFrom(basePort);
    const address = await gatewayAddress();
    const journal = new Journal((entry) => {
      terminal.print(requestLine(entry, terminal));
    });
    const service = (name: string, port: number, pages: typeof ORDERS_PAGES): ReturnType<typeof startNaiveService> =>
      startNaiveService({
        name,
        port,
        pages,
        gatewayAddress: address,
        onReceipt: (receipt) => {
          journal.received(receipt);
        },
        onStranger: (stranger) => {
          terminal.print(strangerLine(name, stranger, terminal));
        },
      });
    const onRotate = (kid: string, published: number): void => {
      terminal.print(
        `The provider signs with the key ${kid.slice(0, 8)}… from now on and publishes ${published} keys.`,
      );
    };
    const provider = started(await startIdentityProvider(wanted.identityProvider, Date.now, undefined, onRotate));
    const orders = started(await service('orders', wanted.orders, ORDERS_PAGES));
    const admin = started(await service('admin', wanted.admin, ADMIN_PAGES));

    const known = { identityProvider: provider.port, orders: orders.port, admin: admin.port };
    const gateway = started(
      await startDemoGateway({
        kongFile,
        readKongYml: () => readKongYml(kongFile, known),
        port: wanted.gateway,
        address,
        onDecision: (decision) => {
          journal.decided(decision);
        },
        onReload: (problem) => {
          terminal.print(reloadLine(problem, terminal));
        },
      }),
    );
    const ports: Ports = { ...wanted, ...known, gateway: gateway.port };
    const page = started(
      await startPage(
        wanted.page,
        pageActions(ports, provider, journal, () => readKongYml(kongFile, known)),
      ),
    );

    printWelcome(
      {
        ports: { ...ports, page: page.port },
        kongFile: relative(process.cwd(), kongFile),
        tokens: await goodTokens(provider),
        tokensGoodUntil: new Date(Date.now() + TOKEN_LIFETIME_SECONDS * 1000),
        isIsolated: address !== LOOPBACK,
      },
      terminal,
    );
    return { ports: { ...ports, page: page.port }, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function goodTokens(provider: IdentityProvider): Promise<Map<string, string>> {
  const tokens = USERS.map(async (user) => [user.id, await provider.issue(user, 'good')] as const);
  return new Map(await Promise.all(tokens));
}

function strangerLine(service: string, address: string, { style }: Terminal): string {
  return `${'nobody'.padEnd(8)} ${'a connection'.padEnd(16)} ${style('dim', service.padEnd(9))} ${style('red', 'reset by the service')}   ${address} is not the gateway`;
}

function reloadLine(problem: string | null, { style }: Terminal): string {
  if (problem === null) return style('bold', 'kong.yml has changed and is in force.');
  return `${style('red', 'kong.yml has changed and cannot be used; the previous version stays in use:')}\n${problem}`;
}
