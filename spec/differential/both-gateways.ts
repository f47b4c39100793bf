import { type Gateway, startGateway } from '../../src/gateway/gateway';
import { exchange } from './raw-exchange';
import { type RealKong, startRealKong } from './real-kong';
import { type RecordingService, startRecordingService } from './recording-service';
import { fileOf, type Scenario } from './request-arbitrary';
import { type Outcome, outcomeOf } from './request-outcome';

/** What came of one request at both gateways. */
export interface Outcomes {
  readonly kong: Outcome;
  readonly own: Outcome;
}

/** How long Kong may take to serve a file, in milliseconds. */
const PATIENCE_MS = 15_000;
/** Files after which Kong is started anew. */
const FILES_PER_KONG = 100;

/** A real Kong and the development gateway in front of one service, with the same file. */
export class BothGateways {
  #files = 0;

  private constructor(
    private kong: RealKong,
    private readonly own: Gateway,
    private readonly service: RecordingService,
  ) {}

  /** Starts all three. */
  static async start(): Promise<BothGateways> {
    const [kong, service] = await Promise.all([startRealKong(), startRecordingService()]);
    const own = await startGateway({
      kongYml: `_format_version: '3.0'\n`,
      listen: { host: '127.0.0.1', port: 0 },
      pluginServers: [],
      environment: {},
      log: () => undefined,
    });
    return new BothGateways(kong, own, service);
  }

  /** Resolves when both serve the file of a scenario. @throws when one of them refuses it */
  async serve(scenario: Scenario): Promise<void> {
    if (++this.#files % FILES_PER_KONG === 0) await this.#restartKong();
    const mark = `m${process.pid}-${this.#files}`;
    const file = fileOf(scenario, this.service.url, mark);
    await this.own.reload(file);
    if (await this.#kongServes(file, mark)) return;
    // Kong 3.9.3: an assertion in kong/router/atc.lua may fail when routes go, and its router is never built again.
    await this.#restartKong();
    if (!(await this.#kongServes(file, mark))) throw new Error(`Kong does not serve ${file}`);
  }

  /** Sends bytes to both, one after the other. */
  async ask(request: string): Promise<Outcomes> {
    const own = { host: '127.0.0.1', port: Number(new URL(this.own.url).port) };
    return { kong: await this.#outcome(this.kong, request), own: await this.#outcome(own, request) };
  }

  /** Stops all three. */
  async stop(): Promise<void> {
    await Promise.all([this.kong.stop(), this.own.stop(), this.service.stop()]);
  }

  async #outcome(gateway: { readonly host: string; readonly port: number }, request: string): Promise<Outcome> {
    this.service.take();
    const answer = await exchange(gateway, request);
    return outcomeOf(answer, this.service.take(), gateway.port);
  }

  async #kongServes(file: string, mark: string): Promise<boolean> {
    const { isAccepted, body } = await this.kong.load(file);
    if (!isAccepted) throw new Error(`Kong refuses ${file}: ${JSON.stringify(body)}`);
    const probe = `GET / HTTP/1.1\r\nHost: ${mark}.probe.invalid\r\nConnection: close\r\n\r\n`;
    const deadline = performance.now() + PATIENCE_MS;
    while (performance.now() < deadline) {
      const answer = await exchange(this.kong, probe);
      if (answer?.headers.some(([name]) => name === `x-probe-${mark}`) === true) return true;
    }
    return false;
  }

  async #restartKong(): Promise<void> {
    await this.kong.stop();
    this.kong = await startRealKong();
  }
}
