// Starts the provider, the two services and the BFF, for trying them out: npm start
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';

const command = (...args) =>
  execFileSync(process.execPath, ['../../dist/src/cli/main.js', ...args], { encoding: 'utf8' });
if (!existsSync('signing-keys.json')) writeFileSync('signing-keys.json', command('signing-keys'), { mode: 0o600 });
writeFileSync('jwks.json', command('jwks', '--signing-keys', 'signing-keys.json'));
mkdirSync('/tmp/nextjs-bff', { recursive: true, mode: 0o700 });
const noLogouts = { iat: Math.floor(Date.now() / 1000), revocations: [] };
writeFileSync('/tmp/nextjs-bff/logged-out.json', JSON.stringify(noLogouts), { mode: 0o600 });

const secret = () => randomBytes(32).toString('base64url');
const env = { ...process.env, CLIENT_SECRET: secret(), SESSION_SECRETS: secret() };
const start = (...args) => spawn(process.execPath, args, { stdio: 'inherit', env });
const children = [
  start('identity-provider.mjs', '8033', 'http://127.0.0.1:8030'),
  start('internal-service.mjs', 'orders', '8031', 'jwks.json'),
  start('internal-service.mjs', 'stock', '8032', 'jwks.json'),
  start('node_modules/next/dist/bin/next', 'start', '-H', '127.0.0.1', '-p', '8030'),
];
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => children.forEach((child) => child.kill(signal)));
for (const child of children) child.on('exit', () => children.forEach((other) => other.kill()));
