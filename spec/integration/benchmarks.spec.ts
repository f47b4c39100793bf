import { execFile, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it, jest } from '@jest/globals';
import { scripts } from '../../package.json';

// Half a minute together on a machine that has nothing else to do.
jest.setTimeout(300_000);
const PATIENCE_MS = 290_000;
const ROOT = join(__dirname, '../..');
/** The benchmark has rows of its own for Kong, which take it a minute: here, it does not find any. */
const tools = mkdtempSync(join(tmpdir(), 'bench-spec-'));
const wrk = spawnSync('/bin/sh', ['-c', 'command -v wrk'], { encoding: 'utf8' }).stdout.trim();
symlinkSync(process.execPath, join(tools, 'node'));
if (wrk !== '') symlinkSync(wrk, join(tools, 'wrk'));
afterAll(() => {
  rmSync(tools, { recursive: true });
});

/**
 * Runs a script of package.json, without the build before it: other specs run what is built. Returns what it prints;
 * rejects when it ends with anything but 0.
 */
function outputOf(script: keyof typeof scripts, ...args: readonly string[]): Promise<string> {
  const command = scripts[script].replace('npm run -s build && ', '');
  expect(command).toMatch(/^(node|ts-node) /);
  const PATH = [tools, join(ROOT, 'node_modules/.bin')].join(':');
  const options = { cwd: ROOT, env: { ...process.env, PATH }, timeout: PATIENCE_MS };
  return new Promise((resolve, reject) => {
    execFile('/bin/sh', ['-c', `exec ${command} "$@"`, 'sh', ...args], options, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${script} failed: ${stderr}`, { cause: error }));
    });
  });
}

interface Table {
  readonly head: readonly string[];
  readonly rows: string[][];
}

/** The tables of an output, as console.table or as Markdown writes them. */
function tablesOf(output: string): Table[] {
  const tables: Table[] = [];
  let current: Table | undefined;
  for (const line of output.split('\n').filter((text) => !/^[┌├]|^\| -/.test(text))) {
    const cells = /^[│|](.*)[│|]$/.exec(line)?.[1]?.split(/[│|]/);
    const row = cells?.map((cell) => cell.trim().replace(/^'|'$/g, ''));
    if (row === undefined) current = undefined;
    else if (current !== undefined) current.rows.push(row);
    else tables.push((current = { head: row, rows: [] }));
  }
  return tables;
}

/** Each table by its first column's head, or its second's where that is but an index; every cell of it says something. */
async function tables(script: keyof typeof scripts, ...args: readonly string[]): Promise<[string, string[]][]> {
  const found = tablesOf(await outputOf(script, ...args));
  for (const cell of found.flatMap(({ rows }) => rows.flat())) expect(cell).not.toMatch(/NaN|undefined|Infinity|null/);
  return found.map(({ head, rows }) => [head[0] === '(index)' ? head[1]! : head[0]!, rows.map(([title]) => title!)]);
}

describe('a benchmark ends well and prints its tables, in its short form:', () => {
  it('bench:core', async () => {
    const found = await tables('bench:core', '20');
    expect(found.map(([what]) => what)).toEqual([
      'algorithm',
      'headers',
      'issuers',
      'tenants',
      'keys',
      'roles',
      'tokens',
      'bound',
    ]);
    expect(found.find(([what]) => what === 'tokens')?.[1]).toEqual(['10', '1000']);
  });

  it('bench:identity', async () => {
    expect(await tables('bench:identity', '50')).toEqual([
      ['CPU µs', expect.arrayContaining(['gateway, off', 'gateway, on', 'guard, by a new token, EdDSA'])],
    ]);
  });

  it('bench:codec', async () => {
    expect(await tables('bench:codec', '2000')).toEqual([
      ['get_headers µs', expect.arrayContaining(['src/protocol (chosen)', 'protobufjs'])],
    ]);
  });

  it('bench:soak', async () => {
    const rows = ['before', 'after 2000 refused', 'after 2000 accepted'];
    expect(await tables('bench:soak', '2000')).toEqual([['heap MB', rows]]);
  });

  it('bench:revocation', async () => {
    const output = await outputOf('bench:revocation', '2000');
    for (const row of [
      'load from a file',
      'load from a URL',
      'load from a URL, signed',
      'memory of one list',
      'check of a token that is listed',
      'Redis',
    ]) {
      expect(output).toContain(row);
    }
    expect(output).not.toMatch(/NaN|undefined|Infinity/);
  });

  it('bench:server', async () => {
    const found = await tables('bench:server', '--short');
    const perServer = 'events/s';
    expect(found.map(([what]) => what)).toEqual([perServer, 'ours: CPU µs', perServer, perServer]);
    const [accepted, compared, , routes] = found.map(([, rows]) => rows);
    expect(accepted).toEqual(['kong-jwt-identity', 'kong-js-pluginserver', expect.any(String)]);
    expect(compared).toEqual(expect.arrayContaining(['no-op plugin', 'reject, no token', 'accept, new token, ES256']));
    expect(routes).toEqual(['1', '10', '100', '1000']);
  });

  (wrk === '' ? it.skip : it)('bench:door', async () => {
    const ways = [
      'a bare proxy route',
      'the door, bearer token',
      'the door, encrypted cookie',
      'the door, no token: 401',
    ];
    expect(await tables('bench:door', '--short')).toEqual([['requests/s', ways]]);
  });

  if (wrk === '')
    console.warn('bench:gateways, bench:door: SKIPPED, there is no `wrk` on PATH (Debian: the package of this name)');
  (wrk === '' ? it.skip : it)('bench:gateways', async () => {
    expect(await tables('bench:gateways', '--short')).toEqual([
      ['requests/s', expect.arrayContaining(['no plugin', 'jwt-identity, HS256, cached token'])],
    ]);
  });
});
