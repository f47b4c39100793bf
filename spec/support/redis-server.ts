import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisConfig } from '../../schema/config';
import { parseConfig } from '../../schema/parse-config';
import { connectToRedis, type RedisReply } from '../../src/revocation/redis-connection';
import { ISSUER } from './policy';

/** Servers that speak Redis's protocol. */
export const REDIS_PROGRAMS = ['redis-server', 'valkey-server'] as const;
export type RedisProgram = (typeof REDIS_PROGRAMS)[number];

/** Paths of a server's certificate, of its key, and of the authority. */
export interface RedisTls {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile: string;
}

/** How a server is started. */
export interface RedisOptions {
  readonly program?: RedisProgram;
  readonly flags?: readonly string[];
  /** With TLS only. */
  readonly tls?: RedisTls;
}

/** Why there is no Redis here, if there is none. */
export function redisProblem(program: RedisProgram = 'redis-server'): string | undefined {
  const { error } = spawnSync(program, ['--version']);
  return error === undefined ? undefined : `there is no ${program} on PATH`;
}

/** Why Redis has no TLS here, if it has none. */
export function redisTlsProblem(): string | undefined {
  const problem = redisProblem();
  if (problem !== undefined) return problem;
  // A server that was built without TLS says so, and ends; one with TLS misses the certificate, and ends.
  const flags = ['--port', '0', '--tls-port', '1', '--tls-cert-file', '/nonexistent', '--save', ''];
  const { stdout, stderr } = spawnSync('redis-server', flags, { encoding: 'utf8', timeout: 10_000 });
  return /Bad directive|not.*TLS support/i.test(stderr + stdout) ? 'redis-server was built without TLS' : undefined;
}

/** A real redis-server on this machine, with a folder of its own. */
export class RedisServer {
  #process: ChildProcess | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'redis-'));

  private constructor(
    readonly port: number,
    private readonly options: RedisOptions,
  ) {}

  /** Starts a server on a free port. What is written to it survives a restart, as with `appendonly yes`. */
  static async start(options: RedisOptions = {}): Promise<RedisServer> {
    for (;;) {
      const port = 20_000 + Math.floor(Math.random() * 10_000);
      const server = new RedisServer(port, options);
      if (await server.restart()) return server;
      await server.end();
    }
  }

  /** A list's configuration, with defaults applied. */
  config(changes: object = {}): RedisConfig {
    return this.list({ ...changes }).redis!;
  }

  /** A list's configuration, with defaults applied. */
  list(redis: object = {}, changes: object = {}): ReturnType<typeof parseConfig>['revocationLists'][number] {
    const list = { redis: { host: '127.0.0.1', port: this.port, timeout: 1000, ...redis }, ...changes };
    return parseConfig({ issuers: [ISSUER], revocation_lists: [list] }).revocationLists[0]!;
  }

  /** Starts the server again after {@link kill}. Returns whether it could. */
  async restart(): Promise<boolean> {
    const { program = 'redis-server', flags = [], tls } = this.options;
    const port = `${this.port}`;
    const listening =
      tls === undefined
        ? ['--port', port]
        : [
            ...['--port', '0', '--tls-port', port, '--tls-auth-clients', 'no'],
            ...['--tls-cert-file', tls.certFile, '--tls-key-file', tls.keyFile, '--tls-ca-cert-file', tls.caFile],
          ];
    const kept = ['--dir', this.#folder, '--save', '', '--appendonly', 'yes', '--appendfsync', 'always'];
    this.#process = spawn(program, [...listening, '--bind', '127.0.0.1', ...kept, ...flags], { stdio: 'pipe' });
    const server = this.#process;
    let output = '';
    return new Promise((resolve) => {
      // Read until its end: a server that cannot write its log ends.
      server.stdout!.on('data', (chunk) => {
        output += String(chunk);
        if (output.includes('Ready to accept connections')) resolve(true);
      });
      server.once('exit', () => {
        resolve(false);
      });
    });
  }

  async kill(): Promise<void> {
    const server = this.#process;
    if (server?.exitCode !== null || server.signalCode !== null) return;
    server.kill('SIGCONT');
    server.kill('SIGKILL');
    await once(server, 'exit');
  }

  freeze(): void {
    this.#process?.kill('SIGSTOP');
  }

  thaw(): void {
    this.#process?.kill('SIGCONT');
  }

  /** Sends commands on a connection of their own. */
  async send(...commands: readonly (readonly string[])[]): Promise<RedisReply[]> {
    const connection = await connectToRedis(this.config({ timeout: 5000 }));
    try {
      return await Promise.all(commands.map((command) => connection.send(command)));
    } finally {
      connection.close();
    }
  }

  async end(): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
