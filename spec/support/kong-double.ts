import { type Answers, type EventEnd, KongSide } from './kong-side';

/** What a client of Kong would have got, and what the service would have received. */
export interface ClientResponse {
  readonly status: number;
  /** Headers that the plugin set for the service; `undefined` when the service got no request. */
  readonly serviceHeaders: Readonly<Record<string, unknown>> | undefined;
  /** Headers of the plugin's own answer, when it gave one. */
  readonly headers?: Readonly<Record<string, unknown>> | undefined;
  /** Its body. */
  readonly body?: string | undefined;
}

/** A failed start of an instance: nothing more is tried. */
const REFUSED_500: ClientResponse = { status: 500, serviceHeaders: undefined };

/** Kong 3.9.3 itself tries without limit (fact 10); this is where a spec calls it a storm. */
const MAX_ATTEMPTS = 5;

/**
 * Kong's side of a plugin server as a whole: keeps connections alive, remembers instance ids, starts instances again
 * when a connection was closed, and answers 500 for whatever else breaks, as Kong 3.9.3 does with `ProtoBuf:1`.
 */
export class KongDouble {
  private readonly idle: KongSide[] = [];
  private readonly ids = new Map<object, Promise<number | undefined>>();
  /** Instances that were started. */
  starts = 0;

  /** @param plugin - the name by which instances are started */
  constructor(
    private readonly socketPath: string,
    private readonly plugin = 'scripted',
  ) {}

  /** Sends one request through the plugin with this configuration. */
  async request(config: object, headers: Readonly<Record<string, string>>): Promise<ClientResponse> {
    const answers: Answers = { 'kong.request.get_headers': headers };
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt++) {
      const response = await this.attempt(config, answers).catch(() => REFUSED_500);
      if (response !== 'closed') return response;
      // Kong forgets all instances of the plugin, not only this one.
      this.ids.clear();
    }
    throw new Error('Kong would go on for ever');
  }

  /** Closes all idle connections. */
  async close(): Promise<void> {
    await Promise.all(this.idle.splice(0).map((connection) => connection.close()));
  }

  private async attempt(config: object, answers: Answers): Promise<ClientResponse | 'closed'> {
    const id = await this.instanceId(config);
    if (id === undefined) return REFUSED_500;
    const connection = await this.connection();
    const end = await connection.event(id, answers);
    if (end.outcome === 'proceed') this.idle.push(connection);
    if (end.outcome === 'closed') return 'closed';
    return responseOf(end);
  }

  private instanceId(config: object): Promise<number | undefined> {
    const known = this.ids.get(config);
    if (known !== undefined) return known;
    const starting = this.start(config).catch(() => undefined);
    this.ids.set(config, starting);
    void starting.then((id) => {
      if (id === undefined && this.ids.get(config) === starting) this.ids.delete(config);
    });
    return starting;
  }

  private async start(config: object): Promise<number | undefined> {
    this.starts += 1;
    const connection = await this.connection();
    const id = await connection.start(config, this.plugin);
    if (id !== undefined) this.idle.push(connection);
    return id;
  }

  private async connection(): Promise<KongSide> {
    for (let kept = this.idle.pop(); kept !== undefined; kept = this.idle.pop()) {
      // nginx notices when a connection in its pool is closed.
      if (!kept.socket.destroyed && kept.socket.readable) return kept;
    }
    return KongSide.connect(this.socketPath);
  }
}

function responseOf({ outcome, status = 0, calls, headers, body }: EventEnd): ClientResponse {
  if (outcome === 'exit') return { status, serviceHeaders: undefined, headers, body };
  const set = calls.filter(({ method }) => method === 'kong.service.request.set_headers').map(({ args }) => args[0]);
  return { status: 200, serviceHeaders: Object.assign({}, ...set) as Record<string, unknown> };
}
