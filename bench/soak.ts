/**
 * Whether anything stays behind of an event: runs refused and accepted events through a real server with one worker
 * and prints the worker's heap before, between and after, each time after a full collection. The argument is the
 * number of each.
 */
import { runLoad } from './kong/load';
import { cachedToken, noToken, type Scenario } from './scenarios';
import { startOurs } from './servers';

const CONNECTIONS = 32;
const EVENTS = Number(process.argv[2] ?? 1_000_000);

async function main(): Promise<void> {
  const server = await startOurs('bench', 'soak-plugin', 1, ['--expose-gc']);
  const [refused, accepted] = [noToken(EVENTS), await cachedToken(EVENTS)];
  const run = async (scenario: Scenario, events: number): Promise<void> => {
    const instanceIds = [await server.startInstance(scenario.plugin, scenario.config)];
    await runLoad({ ...scenario, events, instanceIds, connections: CONNECTIONS }, () => server.connect());
  };
  let weighings = 0;
  const weigh = async (): Promise<Record<string, string>> => {
    const weighing = ++weighings;
    await server.startInstance(accepted.plugin, { ...accepted.config, weigh: weighing });
    const [, ...bytes] = await server.logged(new RegExp(`weighed ${weighing} (\\d+) (\\d+) (\\d+)\n`));
    const [heap, arrayBuffers, resident] = bytes.map((text) => (Number(text) / 1_048_576).toFixed(2));
    return { 'heap MB': heap!, 'array buffers MB': arrayBuffers!, 'RSS MB': resident! };
  };
  try {
    // Code that is compiled and caches that fill with the first events are no leak.
    for (const scenario of [refused, accepted]) await run(scenario, Math.min(20_000, EVENTS));
    const table: Record<string, object> = { before: await weigh() };
    for (const [outcome, scenario] of Object.entries({ refused, accepted })) {
      await run(scenario, EVENTS);
      table[`after ${EVENTS} ${outcome}`] = await weigh();
    }
    console.log(`Node ${process.version}, one worker, ${CONNECTIONS} connections`);
    console.table(table);
  } finally {
    await server.stop();
  }
}

void main();
