/** `npm start`: the demo, until Ctrl-C. */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError } from 'commander';
import { DEFAULT_BASE_PORT } from './addresses';
import { startDemo, type DemoOptions } from './demo';
import { SHIPPED_KONG_YML } from './kong-file';
import { DemoFailure } from './listen';
import { createTerminal } from './terminal';

/** The highest port of the demo is this far from the base port. */
const PORT_SPAN = 13;

async function run(options: DemoOptions): Promise<void> {
  const terminal = createTerminal(process.stdout, process.env);
  const interrupted = new Promise<unknown>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, resolve);
  });
  const demo = await startDemo(options, terminal);
  await interrupted;
  terminal.print('\nStopping.');
  await demo.stop();
  terminal.print('Everything has ended.');
}

function portNumber(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && (port === 0 || (port >= 1024 && port + PORT_SPAN <= 65_535))) return port;
  throw new InvalidArgumentError(`It must be 0 or a number from 1024 to ${65_535 - PORT_SPAN}.`);
}

new Command('demo')
  .description('the whole story on this machine: identity provider, gateway, services, and a page to try it')
  .argument('[kong.yml]', 'whose addresses are those of the shipped one', SHIPPED_KONG_YML)
  .option('--base-port <port>', 'the gateway; the others follow it. 0: any free ports', portNumber, DEFAULT_BASE_PORT)
  .action(async (file: string, { basePort }: { basePort: number }) => {
    try {
      await run({ basePort, kongFile: resolve(file) });
    } catch (error) {
      if (!(error instanceof DemoFailure)) throw error;
      process.stderr.write(`${error.message}\n`);
      process.exitCode = 1;
    }
  })
  .parseAsync()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`);
    process.exitCode = 1;
  });
