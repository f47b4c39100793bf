import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { RedisConfig } from '../../schema/config';
import { parseConfig } from '../../schema/parse-config';
import { connectToRedis, type RedisReply } from '../../src/revocation/redis-connection';
import { ISSUER } from './policy';

/** Why there is no Redis here, if there is none. */
export function redisProblem(): string | undefined {
  try {
    execFileSync('redis-server', ['--version']);
    return undefined;
  } catch {
    return 'there is no redis-server on PATH';
  }
}

/** A real redis-server on this machine, with a folder of its own. */
export class RedisServer {
  #process: ChildProcess | undefined;
  readonly #folder = mkdtempSync(join(tmpdir(), 'redis-'));

  private constructor(
    readonly port: number,
    private readonly flags: readonly string[],
  ) {}

  /** Starts a server on a free port. What is written to it survives a restart, as with `appendonly yes`. */
  static async start(...flags: readonly string[]): Promise<RedisServer> {
    for (;;) {
      const port = 20_000 + Math.floor(Math.random() * 10_000);
      const server = new RedisServer(port, flags);
      if (await server.restart()) return server;
      await server.end();
    }
  }

  /** A list's configuration that leads here. */
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
    const flags = ['--port', `${this.port}`, '--bind', '127.0.0.1', '--dir', this.#folder, '--save', '', ...this.flags];
    this.#process = spawn('redis-server', ['--appendonly', 'yes', '--appendfsync', 'always', ...flags], {
      stdio: 'pipe',
    });
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
