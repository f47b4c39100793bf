import { decode, encode } from '../../../protocol/message';
import { rpcCall, rpcReturn, type RpcCall, type RpcReturn } from '../../../protocol/rpc-messages';
import type { LocalResponse } from '../../http/local-response';
import type { PdkOutcome } from '../../pdk/pdk';
import type { PluginConnection } from './connection';
import { ConnectionPool } from './connection-pool';

/** Carries out one call of a plugin. @throws for anything about which Kong raises an error */
export type CallPdk = (method: string, payload: Uint8Array) => Promise<PdkOutcome>;

/** How an event ended: the request goes on, or the plugin has answered it. */
export type EventEnd = 'proceed' | LocalResponse;

/** Kong's calls to one plugin server. A call that fails leaves no connection behind. */
export class PluginClient {
  private readonly pool: ConnectionPool;
  private sequence = 0;

  constructor(socketPath: string, readTimeoutMs?: number) {
    this.pool = new ConnectionPool(socketPath, readTimeoutMs);
  }

  /** Starts an instance and returns its id. @throws when the server refuses, which it says by closing the connection */
  async startInstance(name: string, config: Readonly<Record<string, unknown>>): Promise<number> {
    const { instanceStatus } = await this.call({
      startInstance: { name, config: Buffer.from(JSON.stringify(config)) },
    });
    // Kong 3.9.3 takes whatever id is there; 0 is left out by proto3.
    return instanceStatus?.instanceId ?? 0;
  }

  /** Closes an instance. */
  async closeInstance(instanceId: number): Promise<void> {
    await this.call({ closeInstance: { instanceId } });
  }

  /** Runs one event to its end, carrying out the plugin's calls one at a time. @throws when anything goes wrong */
  async handleEvent(instanceId: number, eventName: string, callPdk: CallPdk): Promise<EventEnd> {
    let end: EventEnd = 'proceed';
    await this.call({ handleEvent: { instanceId, eventName } }, async (connection) => {
      end = await runCalls(connection, callPdk);
      return end === 'proceed';
    });
    return end;
  }

  /** Ends all connections that no call is using. */
  close(): void {
    this.pool.close();
  }

  /** @param converse - what happens before the return; false when there will be none */
  private async call(
    command: Omit<RpcCall, 'sequence'>,
    converse?: (connection: PluginConnection) => Promise<boolean>,
  ): Promise<RpcReturn> {
    this.sequence += 1;
    const { sequence } = this;
    const connection = await this.pool.take();
    try {
      connection.send(encode(rpcCall, { sequence, ...command }));
      if (converse !== undefined && !(await converse(connection))) {
        connection.destroy();
        return { sequence };
      }
      const returned = decode(rpcReturn, await connection.receive());
      if (returned.sequence !== sequence) throw new Error('the plugin server answered another call');
      this.pool.giveBack(connection);
      return returned;
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }
}

async function runCalls(connection: PluginConnection, callPdk: CallPdk): Promise<EventEnd> {
  for (;;) {
    const method = (await connection.receive()).toString();
    if (method === '') return 'proceed';
    const outcome = await callPdk(method, await connection.receive());
    // Kong 3.9.3: exit ends the request and the connection, without a reply.
    if (outcome.kind === 'exit') return outcome.response;
    connection.send(outcome.payload);
  }
}
