import { execFileSync } from 'node:child_process';
import { chmodSync, lstatSync, mkdtempSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { documentFile, type DocumentFile } from '../../../src/documents/document-file';

const STORED = { body: { keys: [{ kty: 'EC' }] }, fetchedAtMs: 1_800_000_000_000, lifetimeSeconds: 600 };
const SOURCE = 'https://auth.test/jwks';

describe('the key set on disk', () => {
  let parent: string;
  let directory: string;
  let file: DocumentFile;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'key-set-file-'));
    directory = join(parent, 'keys');
    file = documentFile(directory, SOURCE);
  });
  afterEach(() => {
    rmSync(parent, { recursive: true });
  });
  const path = (): string => join(directory, readdirSync(directory)[0]!);

  it('is read as it was written', async () => {
    await file.write(STORED);
    expect(await file.read()).toMatchObject(STORED);
    await file.write({ ...STORED, lifetimeSeconds: 60 });
    expect(await file.read()).toMatchObject({ lifetimeSeconds: 60 });
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('is not there before', async () => {
    expect(await file.read()).toBeUndefined();
  });

  it('is one of its own for each source', async () => {
    const other = documentFile(directory, `${SOURCE}/`);
    await file.write(STORED);
    expect(await other.read()).toBeUndefined();
    await other.write({ ...STORED, fetchedAtMs: 1 });
    expect(await file.read()).toMatchObject({ fetchedAtMs: STORED.fetchedAtMs });
  });

  it("is its owner's alone, and so is the folder, also under the umask of the plugin server", async () => {
    const before = process.umask(0o177);
    try {
      await file.write(STORED);
    } finally {
      process.umask(before);
    }
    expect(statSync(directory).mode & 0o777).toBe(0o700);
    expect(statSync(path()).mode & 0o777).toBe(0o600);
  });

  it('is whole whenever it is read, while many write it', async () => {
    await file.write(STORED);
    const writes = Array.from({ length: 50 }, (_, at) => file.write({ ...STORED, fetchedAtMs: at }));
    for (let turn = 0; turn < 50; turn++) expect(await file.read()).toMatchObject({ body: STORED.body });
    await Promise.all(writes);
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it.each([0o770, 0o707, 0o777, 0o1777])('is neither read nor written in a folder with mode %o', async (mode) => {
    await file.write(STORED);
    chmodSync(directory, mode);
    await expect(file.read()).rejects.toThrow('others may write to the folder');
    await expect(file.write(STORED)).rejects.toThrow('others may write to the folder');
  });

  it('is used in a folder that others may only read', async () => {
    await file.write(STORED);
    chmodSync(directory, 0o755);
    expect(await file.read()).toMatchObject(STORED);
  });

  it('does not make folders above its own', async () => {
    const lost = documentFile(join(parent, 'no', 'such'), SOURCE);
    await expect(lost.write(STORED)).rejects.toThrow('ENOENT');
    expect(await lost.read()).toBeUndefined();
  });

  it('leaves nothing behind when it cannot be written', async () => {
    await file.write(STORED);
    const target = path();
    rmSync(target);
    execFileSync('mkdir', [target]);
    await expect(file.write(STORED)).rejects.toThrow();
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it.each([
    ['nothing', ''],
    ['half of it', JSON.stringify({ source: SOURCE, ...STORED }).slice(0, 50)],
    ['null', 'null'],
    ['a list', '[]'],
    ["another source's keys", JSON.stringify({ ...STORED, source: 'https://evil.test/' })],
    ['no source', JSON.stringify(STORED)],
    ['a time that is none', JSON.stringify({ ...STORED, source: SOURCE, fetchedAtMs: '1' })],
    ['a negative time', JSON.stringify({ ...STORED, source: SOURCE, lifetimeSeconds: -1 })],
    ['an endless time', `{"source":"${SOURCE}","fetchedAtMs":1,"lifetimeSeconds":1e999,"body":{}}`],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00])],
    ['more than a key set can have', `${' '.repeat(8 * 1024 * 1024)}${JSON.stringify({ source: SOURCE, ...STORED })}`],
  ])('does not count when it holds %s', async (_, content) => {
    await file.write(STORED);
    writeFileSync(path(), content);
    expect(await file.read()).toBeUndefined();
  });

  it('is not read through a link', async () => {
    await file.write(STORED);
    const [target, elsewhere] = [path(), join(parent, 'elsewhere')];
    execFileSync('mv', [target, elsewhere]);
    symlinkSync(elsewhere, target);
    await expect(file.read()).rejects.toThrow('ELOOP');
    // A link is replaced, never written through.
    await file.write({ ...STORED, fetchedAtMs: 1 });
    expect(lstatSync(target).isFile()).toBe(true);
    expect(await documentFile(directory, SOURCE).read()).toMatchObject({ fetchedAtMs: 1 });
  });

  it('is not waited for when it is a pipe', async () => {
    await file.write(STORED);
    const target = path();
    rmSync(target);
    execFileSync('mkfifo', [target]);
    expect(await file.read()).toBeUndefined();
  });
});
