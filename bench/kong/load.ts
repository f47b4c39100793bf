import { createHistogram, type RecordableHistogram } from 'node:perf_hooks';

/** What Kong answers to the plugin's calls: plain values by method. What is not named here gets an empty answer. */
export type Replies = Readonly<Record<string, unknown>>;

/** How an event ended: Kong proxies the request, or the plugin has answered it. */
export type Outcome = 'proceed' | 'exit';

/** A load of events on a plugin server. */
export interface Load {
  /** The instances that the events are for, in turn. */
  readonly instanceIds: readonly number[];
  /** Events that are run, at the least. */
  readonly events: number;
  /** Events that go on at the same time, each on a connection of its own. */
  readonly connections: number;
  /** Replies for the n-th event. */
  repliesFor(event: number): Replies;
  /** What each event must end with; anything else ends the benchmark. */
  readonly expected: Outcome;
}

/** What was seen. */
export interface LoadResult {
  readonly events: number;
  readonly seconds: number;
  /** From the call to its end, in nanoseconds. */
  readonly latency: RecordableHistogram;
}

/** A connection of Kong's. */
export interface LoadConnection {
  /** Runs one event. The connection cannot be used again after `exit`. */
  event(instanceId: number, replies: Replies): Promise<Outcome>;
  close(): void;
}

/** Runs a load: every connection starts its next event when the one before has ended, as Kong's pool does. */
export async function runLoad(load: Load, connect: () => Promise<LoadConnection>): Promise<LoadResult> {
  const latency = createHistogram();
  let started = 0;
  const client = async (): Promise<void> => {
    let connection = await connect();
    while (started < load.events) {
      const instanceId = load.instanceIds[started % load.instanceIds.length]!;
      const replies = load.repliesFor(started++);
      const startedAt = process.hrtime.bigint();
      const outcome = await connection.event(instanceId, replies);
      latency.record(process.hrtime.bigint() - startedAt);
      if (outcome !== load.expected) throw new Error(`an event ended with ${outcome}`);
      if (outcome === 'proceed') continue;
      connection.close();
      connection = await connect();
    }
    connection.close();
  };
  const startedAtMs = performance.now();
  await Promise.all(Array.from({ length: load.connections }, client));
  return { events: started, seconds: (performance.now() - startedAtMs) / 1_000, latency };
}
