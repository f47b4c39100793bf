import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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

  it.each([
    ['a file that is not there', ['missing.yml'], 'error: missing.yml: cannot be read (ENOENT)\n'],
    ['a folder', ['/tmp'], 'error: /tmp: is a folder; a file is needed\n'],
  ])('ends with 1 and one line for %s', async (_, args, stderr) => {
    expect(await check(...args)).toEqual([1, '', stderr]);
  });
});
