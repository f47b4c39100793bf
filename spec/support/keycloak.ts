import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { freePort } from './free-port';
import { KeycloakRealm } from './keycloak-realm';
import { describeKong } from './kong-target';

/** The folder of an unpacked Keycloak (org.keycloak:keycloak-quarkus-dist); `.ci/run` puts one there. */
const HOME = process.env['KEYCLOAK_HOME'];
const ADMIN = { username: 'admin', password: 'of a spec' };
/** The realm that docs/providers/keycloak.md describes. */
const REALM = join(__dirname, '../../examples/keycloak/realm.json');

const absence = whyAbsent();
if (absence !== undefined) process.stderr.write(`\nSKIPPED: the specs with a real Keycloak: ${absence}\n\n`);

function whyAbsent(): string | undefined {
  if (HOME === undefined) return 'KEYCLOAK_HOME names no unpacked org.keycloak:keycloak-quarkus-dist';
  if (!existsSync(join(HOME, 'bin/kc.sh'))) return 'there is no bin/kc.sh in KEYCLOAK_HOME';
  return spawnSync('java', ['-version']).error === undefined ? undefined : 'there is no java on PATH';
}

/** `describeKong` for specs that need a real Keycloak, too. Without one they are skipped, and their title says why. */
export function describeKeycloak(name: string, body: () => void): void {
  if (absence === undefined) describeKong(name, body);
  else describe.skip(`${name} (no Keycloak: ${absence})`, body);
}

/** Where the realm's clients are reached, and how long their access tokens live. */
export interface RealmChanges {
  readonly realm?: string;
  /** In place of `https://shop.example.com`. */
  readonly shop?: string;
  /** In place of `https://gateway.example.com`. */
  readonly gateway?: string;
  readonly tokenSeconds?: number;
}

/** A real Keycloak on 127.0.0.1, in development mode, which keeps everything in memory. */
export class Keycloak {
  private constructor(
    private readonly port: number,
    private readonly process: ChildProcess,
  ) {}

  /** Takes half a minute on two cores. @throws when it does not start, with what it printed */
  static async start(): Promise<Keycloak> {
    const port = await freePort();
    const child = spawn('sh', [join(HOME!, 'bin/kc.sh'), 'start-dev'], {
      // A group of its own: it prepares itself in a child process, then becomes the server.
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        KC_HTTP_HOST: '127.0.0.1',
        KC_HTTP_PORT: String(port),
        KC_DB: 'dev-mem',
        KC_CACHE: 'local',
        KC_BOOTSTRAP_ADMIN_USERNAME: ADMIN.username,
        KC_BOOTSTRAP_ADMIN_PASSWORD: ADMIN.password,
        JAVA_OPTS_KC_HEAP: '-Xms64m -Xmx512m',
        JAVA_OPTS_APPEND: '-XX:TieredStopAtLevel=1',
      },
    });
    process.once('exit', () => {
      if (child.exitCode === null) process.kill(-child.pid!, 'SIGKILL');
    });
    let output = '';
    await new Promise<void>((resolve, reject) => {
      const read = (chunk: Buffer): void => {
        output += chunk.toString();
        if (output.includes('Listening on:')) resolve();
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.once('exit', () => {
        reject(new Error(`Keycloak ended:\n${output}`));
      });
    });
    return new Keycloak(port, child);
  }

  async stop(): Promise<void> {
    const { pid, exitCode, signalCode } = this.process;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const ended = once(this.process, 'exit');
    // Nothing that it keeps is needed again.
    process.kill(-pid, 'SIGKILL');
    await ended;
  }

  /**
   * Creates the realm of examples/keycloak.
   *
   * @param host - the name under which it is asked, which becomes part of its issuer
   */
  async importRealm(host: '127.0.0.1' | 'localhost', changes: RealmChanges = {}): Promise<KeycloakRealm> {
    const { realm = 'shop', shop, gateway, tokenSeconds = 300 } = changes;
    const text = readFileSync(REALM, 'utf8')
      .replaceAll('https://shop.example.com', shop ?? 'https://shop.example.com')
      .replaceAll('https://gateway.example.com', gateway ?? 'https://gateway.example.com');
    const file = JSON.parse(text) as object;
    const origin = `http://${host}:${this.port}`;
    const admin = (method: string, path: string, body?: unknown): Promise<unknown> =>
      this.#administer(origin, method, path, body);
    await admin('POST', '', { ...file, realm, accessTokenLifespan: tokenSeconds });
    return KeycloakRealm.open(`${origin}/realms/${realm}`, (method, path, body) =>
      admin(method, `/${realm}${path}`, body),
    );
  }

  async #administer(origin: string, method: string, path: string, body?: unknown): Promise<unknown> {
    const asked = await fetch(`${origin}/realms/master/protocol/openid-connect/token`, {
      method: 'POST',
      body: new URLSearchParams({ grant_type: 'password', client_id: 'admin-cli', ...ADMIN }),
    });
    const { access_token: token } = (await asked.json()) as { access_token: string };
    const response = await fetch(`${origin}/admin/realms${path}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`Keycloak: ${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }
}
