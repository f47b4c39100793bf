// Builds the package `kong-jwt-identity-node` (packages/node): what its entry points reach, and nothing else.
// npm runs it before it packs; by hand: `npm pack ./packages/node`.
import { execFileSync } from 'node:child_process';
import { cpSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const folder = join(root, 'packages/node');
rmSync(join(folder, 'dist'), { recursive: true, force: true });
execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], { stdio: 'inherit' });
cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'));
