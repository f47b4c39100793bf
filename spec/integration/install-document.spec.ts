import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { onFreshMachine, whyNoFreshMachine, type Said } from '../support/fresh-machine';
import { ROOT } from '../support/running-process';

const absence =
  spawnSync('kong', ['version']).status === 0 ? whyNoFreshMachine() : 'it needs Kong on PATH (`kong version`)';
if (absence !== undefined) process.stderr.write(`\nSKIPPED: docs/INSTALL.md line by line: ${absence}\n\n`);

/** The commands that docs/INSTALL.md gives for a machine with Kong's package, up to its next section. */
function commands(): string[] {
  const page = readFileSync(join(ROOT, 'docs/INSTALL.md'), 'utf8');
  const section = /^## Debian, Ubuntu and other packages\n([^]*?)^##/m.exec(page)?.[1] ?? '';
  return [...section.matchAll(/^```sh\n([^]*?)^```/gm)].flatMap(([, block = '']) => block.trim().split('\n'));
}

/** What Kong 3.9.3's package leaves behind (build/package/postinstall.sh), and a kong.conf without a database. */
const KONG_PACKAGE = `
groupadd -f kong
useradd -g kong -s /bin/sh kong
mkdir -p /etc/kong /usr/local/kong
printf 'database = off\\ndeclarative_config = /etc/kong/kong.yml\\n' > /etc/kong/kong.conf
cat > /etc/kong/kong.yml <<'YAML'
_format_version: '3.0'
services:
  - { name: shop, url: 'http://127.0.0.1:8001', routes: [{ name: shop, paths: [/some/guarded/route] }] }
plugins:
  - name: jwt-identity
    config: { issuers: [{ issuer: 'https://a/', audiences: [shop], secret: 'at least thirty-two bytes, for HS256' }] }
YAML
chown -R kong:kong /etc/kong /usr/local/kong
chmod -R g=u /etc/kong /usr/local/kong
command -v sudo >/dev/null || { printf '#!/bin/sh\\nexec "$@"\\n' > /usr/local/bin/sudo; chmod +x /usr/local/bin/sudo; }
`;

/** Needs the build. */
(absence === undefined ? describe : describe.skip)("docs/INSTALL.md on a machine with Kong's package", () => {
  let folder: string;
  let said: Said;

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'packages-'));
    execFileSync(process.execPath, ['deploy/pack.mjs', folder], { cwd: ROOT });
    const [install, write, restart, ask, health] = commands();
    // Kong listens on all addresses by default. Its network is one in which nobody else is.
    said = onFreshMachine(`set -e
${KONG_PACKAGE}
cd ${folder}
started=$(date +%s)
${install}
${write}
cat > /run/rest <<'REST'
set -e
ip link set lo up
${restart}
for attempt in $(seq 100); do
  answer=$(${ask!.replace(/ +#.*/, '')})
  case "$answer" in *'500 Internal Server Error'*) sleep 0.2 ;; *) break ;; esac
done
echo "answer: $answer"
${health}
grep -ao 'handler [0-9.]* decides with the plugin server' /usr/local/kong/logs/error.log | head -n 1
kong stop
REST
unshare --net /bin/bash /run/rest
echo "seconds: $(($(date +%s) - started))"`);
    process.stderr.write(
      `docs/INSTALL.md, from npm install to the first answer: ${/seconds: (\d+)/.exec(said.stdout)?.[1]} s\n`,
    );
  }, 300_000);
  afterAll(() => {
    rmSync(folder, { recursive: true, force: true });
  });

  it('gives five commands: install the package, write the settings, restart Kong, ask, look at the plugin server', () => {
    expect(commands().map((line) => line.replace(/ .*/, ''))).toEqual([
      'sudo',
      'sudo',
      'sudo',
      'curl',
      'kong-jwt-identity',
    ]);
  });

  it('ends with a plugin that rejects a request without a token, and with its handler in the worker', () => {
    expect(said).toMatchObject({ status: 0 });
    expect(said.stdout).toContain('wrote /etc/kong/kong.conf\nNext: kong restart\n');
    expect(said.stdout).toMatch(/answer: HTTP\/1\.1 401 [^]*"code":"token_missing"/);
    // Which of the server's processes answers is chance, and only one of them has decided about a request.
    expect(said.stdout).toContain('\nserving jwt-identity');
    expect(said.stdout).toContain('\nhandler 1.0.0 decides with the plugin server\n');
  });
});
