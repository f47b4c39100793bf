// Starts the stock service and the BFF, beside the demo (`npm start` in the repository).
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';

const command = (...args) =>
  execFileSync(process.execPath, ['../../dist/src/cli/main.js', ...args], { encoding: 'utf8' });
if (!existsSync('signing-keys.json')) writeFileSync('signing-keys.json', command('signing-keys'), { mode: 0o600 });
writeFileSync('jwks.json', command('jwks', '--signing-keys', 'signing-keys.json'));

const children = [
  spawn(process.execPath, ['stock-service.mjs', '8031', 'jwks.json'], { stdio: 'inherit' }),
  spawn(process.execPath, ['node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', '8030'], {
    stdio: 'inherit',
  }),
];
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => children.forEach((child) => child.kill(signal)));
for (const child of children) child.on('exit', () => children.forEach((other) => other.kill()));
