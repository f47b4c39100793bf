import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { keyFetchOf } from '../support/key-issuer';

jest.setTimeout(60_000);

const FETCHER = resolve(__dirname, '../../dist/src/documents/document-fetcher.js');
/** Runs in the namespace: a provider on this machine, name servers that say nothing about others, one fetch a name. */
const PROGRAM = `
require('ts-node/register');
const { createServer } = require('node:http');
const { startNameServer } = require(process.argv[1]);
const { createDocumentFetcher } = require(process.argv[2]);
const fetchDocument = createDocumentFetcher(JSON.parse(process.argv[3]));
void (async () => {
  await startNameServer(['in-dns.test']);
  const provider = createServer((_, response) => response.end('{"keys":[]}'));
  await new Promise((done) => provider.listen(80, '127.0.0.1', done));
  const names = ['dead-1.test', 'dead-2.test', 'dead-3.test', 'in-dns.test', 'in-hosts.test'];
  const outcomes = await Promise.all(names.map((name) =>
    fetchDocument('http://' + name + '/jwks', AbortSignal.timeout(4000)).then(({ status }) => status, ({ message }) => message)));
  console.log(JSON.stringify(Object.fromEntries(names.map((name, at) => [name, outcomes[at]]))));
  process.exit();
})();
`;
const canUnshare = spawnSync('unshare', ['-rmn', 'ip', 'link', 'set', 'lo', 'up']).status === 0;
if (!canUnshare) process.stderr.write('skipped: name servers that do not answer (needs unshare -rmn and ip)\n');

(canUnshare ? describe : describe.skip)('an issuer whose name servers do not answer', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'dead-name-servers-'));
    writeFileSync(join(folder, 'resolv.conf'), 'nameserver 127.0.0.53\n');
    writeFileSync(join(folder, 'hosts'), '127.0.0.1 localhost in-hosts.test\n');
    writeFileSync(join(folder, 'nsswitch.conf'), 'hosts: files dns\n');
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  it('does not keep other issuers from being fetched, whether they stand in DNS or in /etc/hosts', async () => {
    const mounts = ['resolv.conf', 'hosts', 'nsswitch.conf'].map(
      (file) => `mount --bind '${join(folder, file)}' /etc/${file}`,
    );
    const script = ['ip link set lo up', ...mounts, 'exec node -e "$@"'].join(' && ');
    const config = JSON.stringify(keyFetchOf({ allow_http: true, timeout_ms: 4000 }));
    const args = [
      '-rmn',
      'sh',
      '-c',
      script,
      'sh',
      PROGRAM,
      require.resolve('../support/name-server'),
      FETCHER,
      config,
    ];
    const { stdout } = await promisify(execFile)('unshare', args);
    const dead = 'no complete answer within 4000 ms';
    expect(JSON.parse(stdout)).toEqual({
      'dead-1.test': dead,
      'dead-2.test': dead,
      'dead-3.test': dead,
      'in-dns.test': 'ok',
      'in-hosts.test': 'ok',
    });
  });
});
