import type { Log } from '../../../telemetry/log';
import { ConnectionClosedError } from './connection';
import { Instances, type InstanceSource } from './instances';
import { type CallPdk, type EventEnd, PluginClient } from './plugin-client';

/**
 * How often an event is tried when the server closes the connection. Kong 3.9.3 tries without limit and without a
 * pause, which takes seconds of processor time and then ends in 500 all the same.
 */
const MAX_ATTEMPTS = 5;

/** How an event ended; `failed` means the client gets 500. */
export type ExternalEventEnd = EventEnd | 'failed';

/** Runs the events of one external plugin as Kong does with `ProtoBuf:1`: whatever fails, the request does not go on. */
export class ExternalPluginRunner<Source extends InstanceSource = InstanceSource> {
  private readonly client: PluginClient;
  private readonly instances: Instances<Source>;

  constructor(
    private readonly pluginName: string,
    socketPath: string,
    private readonly log: Log,
    readTimeoutMs?: number,
  ) {
    this.client = new PluginClient(socketPath, readTimeoutMs);
    this.instances = new Instances(pluginName, this.client);
  }

  /** Runs one event. Never rejects: what failed is logged. */
  async run(source: Source, eventName: string, callPdk: CallPdk): Promise<ExternalEventEnd> {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const end = await this.attempt(source, eventName, callPdk);
      if (end !== 'again') return end;
      this.instances.forgetAll();
    }
    this.log('error', 'the plugin server closes every connection', { plugin: this.pluginName });
    return 'failed';
  }

  /** Starts the instance of a plugin before a request needs it. Never rejects: the first request tries again. */
  async prepare(source: Source): Promise<void> {
    await this.instances.id(source).catch((error: unknown) => {
      this.log('error', `starting instance: ${(error as Error).message}`, { plugin: this.pluginName });
    });
  }

  /** Closes the instance of a plugin that is no longer configured. */
  retire(source: Source): Promise<void> {
    return this.instances.close(source);
  }

  /** Ends all connections. */
  close(): void {
    this.client.close();
  }

  private async attempt(source: Source, eventName: string, callPdk: CallPdk): Promise<ExternalEventEnd | 'again'> {
    let isStarted = false;
    try {
      const instanceId = await this.instances.id(source);
      isStarted = true;
      return await this.client.handleEvent(instanceId, eventName, callPdk);
    } catch (error) {
      const reason = (error as Error).message;
      // Only within an event does a closed connection mean "start the instance again": a start that fails is an error.
      if (isStarted && error instanceof ConnectionClosedError) {
        this.log('warn', reason, { plugin: this.pluginName });
        return 'again';
      }
      this.log('error', `pluginserver error: ${reason}`, { plugin: this.pluginName });
      return 'failed';
    }
  }
}
