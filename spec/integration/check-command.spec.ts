import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { runCommand } from '../support/server-process';

const FILE = `_format_version: '3.0'
plugins:
  - name: jwt-identity
    config:
      issuers:
        - issuer: https://auth.acme.test/
          audiences: [shop]
          jwks_uri: https://auth.acme.test/jwks
`;

describe('kong-jwt-identity check', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'check-'));
    writeFileSync(join(folder, 'sound.yml'), FILE);
    writeFileSync(join(folder, 'warned.yml'), FILE.replace('audiences: [shop]', 'any_audience: true'));
    writeFileSync(
      join(folder, 'policies.yml'),
      `policies:
  orders:
    issuers:
    - issuer: https://auth.acme.test/
      audience: [shop]
      discovery: true
`,
    );
    writeFileSync(join(folder, 'wrong.yml'), FILE.replace('audiences', 'audience'));
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });
  const check = async (...args: string[]): Promise<[code: unknown, stdout: string, stderr: string]> => {
    const command = runCommand(['check', ...args.map((arg) => (arg.endsWith('.yml') ? join(folder, arg) : arg))]);
    const code = await command.ended;
    return [code, command.stdout().replaceAll(`${folder}/`, ''), command.stderr().replaceAll(`${folder}/`, '')];
  };

  it('ends with 0 and says so when nothing is wrong', async () => {
    expect(await check('sound.yml')).toEqual([0, '0 errors, 0 warnings in sound.yml\n', '']);
  });

  it('ends with 3 when a load would refuse a file, and names place, field and entry', async () => {
    const [code, stdout] = await check('sound.yml', 'wrong.yml');
    expect(code).toBe(3);
    expect(stdout).toContain(
      'wrong.yml:7:11: error: config.issuers[1].audience: unknown field; did you mean `audiences`?',
    );
    expect(stdout).toMatch(/\n2 errors, 0 warnings in sound.yml, wrong.yml\n$/);
  });

  it.each([
    [0, ['warned.yml']],
    [3, ['--fail-on', 'warning', 'warned.yml']],
  ])('ends with %i for warnings with %j', async (code, args) => {
    const [seen, stdout] = await check(...args);
    expect([seen, stdout]).toEqual([code, expect.stringContaining('warned.yml:7:11: warning: ')]);
  });

  it('prints JSON for scripts', async () => {
    const [code, stdout] = await check('--json', 'wrong.yml');
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({
      errors: 2,
      warnings: 0,
      files: [
        {
          file: 'wrong.yml',
          findings: [{ line: 6 }, { line: 7, column: 11, severity: 'error', concerns: ['global'] }],
        },
      ],
    });
  });

  it('reads a policies.yml, and takes it for what --format says', async () => {
    const [code, stdout] = await check('policies.yml');
    expect([code, stdout]).toEqual([
      3,
      expect.stringContaining(
        'policies.yml:5:7: error: issuers[1].audience: unknown field; did you mean `audiences`? (policy orders)\n',
      ),
    ]);
    expect((await check('--format', 'kong', 'policies.yml'))[1]).toContain('policies: unknown field');
  });

  it('asks the issuers with --online, and prints what it saw and what does not fit', async () => {
    const server = createServer((request, response) => {
      const origin = `http://${request.headers.host ?? ''}`;
      const isKeys = request.url === '/jwks';
      response.end(JSON.stringify(isKeys ? { keys: [] } : { issuer: origin, jwks_uri: `${origin}/jwks` }));
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const text = FILE.replaceAll('https://auth.acme.test', origin);
    writeFileSync(join(folder, 'online.yml'), text);
    const [code, stdout] = await check('--online', 'online.yml');
    const [, json] = await check('--online', '--json', 'online.yml');
    server.closeAllConnections();
    server.close();
    expect(code).toBe(3);
    expect(stdout.replaceAll(origin, 'ORIGIN')).toBe(
      `asked discovery document of ORIGIN/: found
asked ORIGIN/jwks: the JWK set has no usable key
online.yml:6:11: error: config.issuers[1].issuer: the discovery document names the issuer "ORIGIN": only the last slash, letter case or scheme differs, and tokens must name exactly the issuer that is configured (global)
online.yml:8:11: error: config.issuers[1].jwks_uri: keys cannot be fetched: the JWK set has no usable key (global)
2 errors, 0 warnings in online.yml
`,
    );
    const [file] = (JSON.parse(json) as { files: { asked: unknown; findings: unknown[] }[] }).files;
    expect(file?.asked).toHaveLength(2);
    expect(file?.findings).toHaveLength(2);
  }, 60_000);

  it.each([
    ['a file that is not there', ['missing.yml'], 'error: missing.yml: cannot be read (ENOENT)\n'],
    ['a folder', ['/tmp'], 'error: /tmp: is a folder; a file is needed\n'],
  ])('ends with 1 and one line for %s', async (_, args, stderr) => {
    expect(await check(...args)).toEqual([1, '', stderr]);
  });
});
