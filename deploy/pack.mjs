// Packs both packages as they are published: `npm run build && node deploy/pack.mjs FOLDER [OWNER/REPOSITORY]`.
// Prints the paths of the tarballs. What only development needs (scripts, devDependencies, overrides) leaves the
// manifest: npm would warn of a `prepare` script at each installation. Provenance demands the name of the repository.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const [folder, repository] = process.argv.slice(2);
if (folder === undefined) throw new Error('usage: node deploy/pack.mjs FOLDER [OWNER/REPOSITORY]');

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const run = (command, args, cwd = root) => execFileSync(command, args, { cwd, encoding: 'utf8' }).trim();
const pack = (from, to) => {
  const flags = ['--ignore-scripts', '--silent', '--pack-destination', to];
  return join(
    to,
    run('npm', ['pack', ...flags], from)
      .split('\n')
      .at(-1),
  );
};

run(process.execPath, ['deploy/prepare-node-package.mjs']);
for (const directory of ['.', 'packages/node']) {
  const staging = mkdtempSync(join(tmpdir(), 'pack-'));
  try {
    run('tar', ['-xzf', pack(join(root, directory), staging), '-C', staging]);
    const manifest = join(staging, 'package/package.json');
    const { scripts, devDependencies, overrides, ...kept } = JSON.parse(readFileSync(manifest, 'utf8'));
    if (repository !== undefined) {
      kept.repository = { type: 'git', url: `git+https://github.com/${repository}.git`, directory };
    }
    writeFileSync(manifest, `${JSON.stringify(kept, null, 2)}\n`);
    console.log(pack(join(staging, 'package'), resolve(folder)));
  } finally {
    rmSync(staging, { recursive: true });
  }
}
