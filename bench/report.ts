/** Runs the benchmarks and writes bench/RESULTS.md: what they printed, on what and when. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { cpus, loadavg, release, totalmem } from 'node:os';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';

const BENCHMARKS: readonly { readonly script: string; readonly title: string; readonly text: string }[] = [
  {
    script: 'bench:gateways',
    title: 'A request, end to end',
    text: 'Kong with one worker, plugin server, service and load share the machine. "Kong µs" and "plugin server µs" are processor time per request, which depends less on that than requests/s.',
  },
  {
    script: 'bench:server',
    title: 'An event in the plugin server',
    text: 'The load plays Kong’s side of the socket. "events / CPU s" is what one processor could do.',
  },
  {
    script: 'bench:core',
    title: 'A decision in the core',
    text: 'Without Kong and sockets, and how it grows.',
  },
  {
    script: 'bench:identity',
    title: 'A signed identity',
    text: 'What `identity_token` adds to a decision, and what a guard spends on a request.',
  },
  { script: 'bench:codec', title: 'Coding a message', text: 'Why the messages are coded as they are.' },
];

async function main(): Promise<void> {
  const [loadBefore = 0] = loadavg();
  const sections: string[] = [];
  for (const { script, title, text } of BENCHMARKS) {
    const output = await outputOf(script);
    sections.push(`## ${title}\n\n\`npm run ${script}\`. ${text}\n\n\`\`\`text\n${output.trim()}\n\`\`\`\n`);
  }
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`;
  const machine = `${cpus()[0]?.model ?? 'unknown processor'}, ${cpus().length} cores, ${memory}; Linux ${release()}; Node ${process.version}`;
  const [date] = new Date().toISOString().split('T');
  const text = [
    '# Benchmarks',
    '<!-- Made by `npm run bench`. -->',
    `Measured ${date} on ${machine}. Load average before: ${loadBefore.toFixed(1)}.`,
    'Compare rows of one table only. [PERFORMANCE](../docs/PERFORMANCE.md) says what follows, [README](README.md) what each ' +
      'command measures.',
    ...sections,
  ].join('\n\n');
  const path = join(__dirname, 'RESULTS.md');
  writeFileSync(path, await format(text, { ...(await resolveConfig(path)), filepath: path }));
}

async function outputOf(script: string): Promise<string> {
  const child = spawn('npm', ['run', '--silent', script, '--', ...process.argv.slice(2)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    process.stdout.write(chunk);
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`npm run ${script} failed`);
  return output;
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});
