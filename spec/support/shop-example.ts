import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from './free-port';
import { startOidcProvider, type ShopUser, type StartShopProvider } from './shop-provider';
import { announceSigningKey, publicKeySet, readSigningKeys } from '../../src/keys/signing-keys';

/** What the example's cookies are encrypted with, so that specs can look into them. */
export const SESSION_SECRET = 'for specs and for nothing else than specs';

const EXAMPLE = join(__dirname, '../../examples/nextjs-bff');

/** Why the Next.js example cannot run here; `undefined` when it can. */
export const EXAMPLE_ABSENCE = existsSync(join(EXAMPLE, '.next/BUILD_ID'))
  ? undefined
  : 'it is not built (npm run build, then in examples/nextjs-bff: npm ci && npm run build)';

/** The Next.js example at work: provider, two services, and `next start`. */
export interface ShopExample {
  readonly origin: string;
  readonly port: number;
  readonly services: { readonly orders: string; readonly stock: string };
  readonly issuer: string;
  /** What a process has printed. */
  output(name: 'orders' | 'stock' | 'next'): string;
  /** What `sub` says of a user. */
  idOf(user: ShopUser): string;
  /** How often the provider renewed the tokens of a session until now. */
  renewals(): Promise<number>;
  /** Makes access tokens too long for cookies, from now on. */
  lengthenTokens(): Promise<void>;
  /** Kills `next start` and starts it again. */
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts the example on free ports. Access tokens live for `tokenSeconds`. */
export async function startShopExample(
  tokenSeconds = 300,
  startProvider: StartShopProvider = startOidcProvider,
): Promise<ShopExample> {
  const folder = mkdtempSync(join(tmpdir(), 'shop-'));
  const children = new Map<string, { child: ChildProcess; output: string }>();
  const file = (name: string, text: string): string => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  };

  /** Runs a script of the example, until it prints a match. */
  async function run(
    name: string,
    args: readonly string[],
    ready: RegExp,
    env: Record<string, string>,
  ): Promise<string> {
    const child = spawn(process.execPath, args, {
      cwd: EXAMPLE,
      env: { ...process.env, NEXT_TELEMETRY_DISABLED: '1', NODE_ENV: 'production', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const running = { child, output: '' };
    children.set(name, running);
    return new Promise((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        running.output += chunk.toString();
        const match = ready.exec(running.output);
        if (match !== null) resolve(match[1] ?? '');
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', () => {
        reject(new Error(`${name} ended:\n${running.output}`));
      });
    });
  }
  async function end(name: string, signal: NodeJS.Signals): Promise<void> {
    const child = children.get(name)?.child;
    if (child?.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  }

  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const keys = announceSigningKey('EdDSA');
  const jwks = file('jwks.json', JSON.stringify(publicKeySet(readSigningKeys(keys))));
  const loggedOut = file('logged-out.json', JSON.stringify({ iat: Math.floor(Date.now() / 1000), revocations: [] }));
  const [provider, orders, stock] = await Promise.all([
    startProvider(origin, tokenSeconds),
    run('orders', ['internal-service.mjs', 'orders', '0', jwks], /orders listens on (\d+)/, {}),
    run('stock', ['internal-service.mjs', 'stock', '0', jwks], /stock listens on (\d+)/, {}),
  ]);
  const services = { orders: `http://127.0.0.1:${orders}`, stock: `http://127.0.0.1:${stock}` };
  const kongYml = provider
    .kongYml(readFileSync(join(EXAMPLE, 'kong.yml'), 'utf8'))
    .replaceAll('/tmp/nextjs-bff/logged-out.json', loggedOut);
  const next = [join(EXAMPLE, 'node_modules/next/dist/bin/next'), 'start', '-H', '127.0.0.1', '-p', String(port)];
  const start = async (): Promise<void> => {
    await run('next', next, /(Ready)/, {
      ORIGIN: origin,
      ISSUER: provider.issuer,
      ...provider.settings,
      SESSION_SECRETS: SESSION_SECRET,
      ORDERS_URL: services.orders,
      STOCK_URL: services.stock,
      KONG_YML: file('kong.yml', kongYml),
      SIGNING_KEYS: file('signing-keys.json', keys),
      LOGGED_OUT: loggedOut,
    });
  };
  await start();

  return {
    origin,
    port,
    services,
    issuer: provider.issuer,
    idOf: (user) => provider.idOf(user),
    renewals: () => provider.renewals(),
    lengthenTokens: async () => provider.lengthenTokens?.(),
    output: (name) => children.get(name)?.output ?? '',
    restart: async () => {
      await end('next', 'SIGKILL');
      await start();
    },
    stop: async () => {
      await Promise.all([provider.stop(), ...[...children.keys()].map((name) => end(name, 'SIGTERM'))]);
      rmSync(folder, { recursive: true });
    },
  };
}
