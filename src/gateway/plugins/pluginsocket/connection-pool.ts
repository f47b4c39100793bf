import { PluginConnection, READ_TIMEOUT_MS } from './connection';

/** Kong 3.9.3: the default `lua_socket_pool_size`. */
const MAX_IDLE = 30;

/** Keeps connections to one plugin server, so that a call does not have to wait for a new one. */
export class ConnectionPool {
  private readonly idle: PluginConnection[] = [];
  private isClosed = false;

  /** @param readTimeoutMs - how long the server may take for a frame */
  constructor(
    private readonly socketPath: string,
    private readonly readTimeoutMs: number = READ_TIMEOUT_MS,
  ) {}

  /** Returns a connection for one call, the one that was used last if there is one. @throws the error of `connect(2)` */
  async take(): Promise<PluginConnection> {
    for (let kept = this.idle.pop(); kept !== undefined; kept = this.idle.pop()) {
      if (kept.isUsable) return kept;
      kept.destroy();
    }
    return PluginConnection.connect(this.socketPath, this.readTimeoutMs);
  }

  /** Takes a connection back after a call that ended as it should. */
  giveBack(connection: PluginConnection): void {
    if (this.isClosed || !connection.isUsable || this.idle.length >= MAX_IDLE) connection.destroy();
    else this.idle.push(connection);
  }

  /** Ends all idle connections, and every other one when it is given back. */
  close(): void {
    this.isClosed = true;
    for (const connection of this.idle.splice(0)) connection.destroy();
  }
}
