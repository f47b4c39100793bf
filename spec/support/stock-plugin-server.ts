import { spawn, execFile, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createConnection, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { decodeMultiStream, encode } from '@msgpack/msgpack';

const ROOT = resolve(__dirname, '../..');
const COMMAND = join(ROOT, 'node_modules/.bin/kong-js-pluginserver');
// ts-node looks for its configuration from the working directory, which is Kong's and not ours.
const ENVIRONMENT = { ...process.env, TS_NODE_PROJECT: join(ROOT, 'tsconfig.json') };

/** What `kong-js-pluginserver --dump-all-plugins` prints for a folder of plugins. */
export async function dumpAllPlugins(folder: string): Promise<string> {
  const { stdout } = await promisify(execFile)(COMMAND, ['-d', resolve(ROOT, folder), '--dump-all-plugins'], {
    cwd: tmpdir(),
    env: ENVIRONMENT,
  });
  return stdout;
}

/** One call of the plugin into Kong. */
export interface PdkCall {
  readonly method: string;
  readonly args: readonly unknown[];
}

/** How the stock server ended an event. Kong proxies the request unless `exit` was called. */
export interface StockOutcome {
  readonly calls: readonly PdkCall[];
  readonly exit: { status: number; body: string; headers: Record<string, string> } | undefined;
}

/** Kong's answers to the plugin, by method; `undefined` is Lua's nil. */
export type PdkAnswers = Readonly<Record<string, unknown>>;

/**
 * The stock JavaScript plugin server as a process of its own, started as its manual says, with Kong's side of its
 * MsgPack:1 socket (spec/fixtures: as in a recording of Kong 3.9.3).
 */
export class StockPluginServer {
  #sequence = 0;

  private constructor(
    private readonly process: ChildProcess,
    private readonly folder: string,
    private readonly socket: Socket,
    private readonly messages: AsyncGenerator<unknown, void>,
    /** Everything the process wrote so far. */
    readonly output: () => string,
  ) {}

  static async start(plugins: string): Promise<StockPluginServer> {
    const folder = await mkdtemp(join(tmpdir(), 'stock-'));
    const child = spawn(COMMAND, ['-d', resolve(ROOT, plugins), '--kong-prefix', folder, '--sock-name', 's'], {
      cwd: folder,
      env: { ...ENVIRONMENT, JWT_IDENTITY_LOG_LEVEL: 'debug' },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let output = '';
    const started = new Promise<void>((resolveStarted, reject) => {
      const listen = (chunk: Buffer): void => {
        output += chunk.toString();
        if (output.includes('server started')) resolveStarted();
      };
      child.stdout.on('data', listen);
      child.stderr.on('data', listen);
      child.once('exit', () => {
        reject(new Error(`the stock plugin server did not start: ${output}`));
      });
    });
    await started;
    const socket = createConnection(join(folder, 's'));
    await once(socket, 'connect');
    return new StockPluginServer(child, folder, socket, decodeMultiStream(socket), () => output);
  }

  /** Starts an instance as Kong does and returns its id. */
  async startInstance(config: unknown): Promise<number> {
    // Kong 3.9.3 adds members of its own.
    const Config = JSON.stringify({
      ...(config as object),
      __key__: 'plugins:jwt-identity',
      __seq__: 1,
      route_id: 'r',
    });
    const status = (await this.call('plugin.StartInstance', { Name: 'jwt-identity', Config })) as { Id: number };
    return status.Id;
  }

  /** Runs one access phase, answering the plugin's calls. */
  async access(instanceId: number, answers: PdkAnswers): Promise<StockOutcome> {
    const calls: PdkCall[] = [];
    let step = await this.call('plugin.HandleEvent', { EventName: 'access', InstanceId: instanceId });
    for (;;) {
      const { Data, EventId } = step as { Data: 'ret' | { Method: string; Args: unknown[] }; EventId: number };
      if (Data === 'ret') return { calls, exit: undefined };
      calls.push({ method: Data.Method, args: Data.Args });
      if (Data.Method === 'kong.response.exit') {
        // Kong ends the request here and never sends the next step.
        const [status, body, headers] = Data.Args as [number, string, Record<string, string>];
        return { calls, exit: { status, body, headers } };
      }
      const answer = answers[Data.Method];
      const method = Data.Method === 'kong.request.get_headers' ? 'plugin.StepMultiMap' : 'plugin.Step';
      step = await this.call(method, answer === undefined ? { EventId } : { EventId, Data: answer });
    }
  }

  async stop(): Promise<void> {
    this.socket.destroy();
    this.process.removeAllListeners('exit');
    if (this.process.exitCode === null) {
      const exited = once(this.process, 'exit');
      this.process.kill('SIGKILL');
      await exited;
    }
    await rm(this.folder, { recursive: true });
  }

  private async call(method: string, args: unknown): Promise<unknown> {
    this.#sequence += 1;
    this.socket.write(encode([0, this.#sequence, method, [args]]));
    const { value } = await this.messages.next();
    const [, sequence, error, result] = value as [number, number, unknown, unknown];
    if (sequence !== this.#sequence || error) throw new Error(`${method}: ${String(error)}`);
    return result;
  }
}
