import { type ChildProcess, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { documentFile, type DocumentFile } from '../../../src/documents/document-file';
import { asNobody, describeOtherUser, endOf, NOBODY, startAsNobody } from '../../support/other-user';

const STORED = { body: { keys: [{ kty: 'EC' }] }, fetchedAtMs: 1_800_000_000_000, lifetimeSeconds: 600 };
const SOURCE = 'https://auth.test/jwks';

/** A file as it stands on the disk. */
function fileOf({ body, ...times }: { readonly body: unknown; readonly [name: string]: unknown }): string {
  return `${JSON.stringify({ source: SOURCE, ...times })}\n${JSON.stringify(body)}`;
}

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

  it.each([0o707, 0o777, 0o1777])('is neither read nor written in a folder with mode %o', async (mode) => {
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

  it('leaves no folder open', async () => {
    const openFiles = (): number => readdirSync('/proc/self/fd').length;
    await file.write(STORED);
    const before = openFiles();
    await file.read();
    await file.write(STORED);
    chmodSync(directory, 0o777);
    await expect(file.read()).rejects.toThrow('others may write');
    expect(openFiles()).toBe(before);
  });

  it('is neither read nor written below a folder that others may write to', async () => {
    await file.write(STORED);
    chmodSync(parent, 0o777);
    await expect(file.read()).rejects.toThrow(`others may write to the folder ${parent}`);
    await expect(file.write(STORED)).rejects.toThrow(`others may write to the folder ${parent}`);
    chmodSync(parent, 0o1777);
    expect(await file.read()).toMatchObject(STORED);
  });

  it('is not read when others may write to it', async () => {
    await file.write(STORED);
    chmodSync(path(), 0o666);
    await expect(file.read()).rejects.toThrow('others may write to the file');
  });

  it('leaves nothing behind when it cannot be written', async () => {
    await file.write(STORED);
    const target = path();
    rmSync(target);
    execFileSync('mkdir', [target]);
    await expect(file.write(STORED)).rejects.toThrow();
    expect(readdirSync(directory)).toHaveLength(1);
  });

  it('keeps bytes as they are', async () => {
    const body = Buffer.from([0x0a, 0xff, 0x00, 0x0a]);
    const bytes = documentFile(directory, SOURCE, { format: 'chunks' });
    await bytes.write({ ...STORED, body: [body.subarray(0, 1), body.subarray(1)] });
    expect((await bytes.read())?.body).toEqual([body]);
  });

  it('is not replaced by an older document of another process', async () => {
    await file.write({ ...STORED, issuedAtSeconds: 100 });
    await documentFile(directory, SOURCE).write({ ...STORED, body: {}, issuedAtSeconds: 99 });
    expect(await file.read()).toMatchObject({ body: STORED.body, issuedAtSeconds: 100 });
    await documentFile(directory, SOURCE).write({ ...STORED, body: {}, issuedAtSeconds: 100 });
    expect(await file.read()).toMatchObject({ body: {} });
  });

  it('tells its times without its body', async () => {
    expect(await file.readTimes()).toBeUndefined();
    await file.write({ ...STORED, issuedAtSeconds: 7 });
    const { fetchedAtMs, lifetimeSeconds } = STORED;
    const times = await file.readTimes();
    expect(times).toMatchObject({ fetchedAtMs, lifetimeSeconds, issuedAtSeconds: 7 });
    expect(times).not.toHaveProperty('body');
  });

  it('is confirmed by the process that wrote it, and by no other', async () => {
    const confirmed = { fetchedAtMs: STORED.fetchedAtMs + 1, lifetimeSeconds: 5 };
    await file.confirm(confirmed);
    expect(await file.read()).toBeUndefined();
    await file.write(STORED);
    await documentFile(directory, SOURCE).confirm(confirmed);
    expect(await file.read()).toMatchObject(STORED);
    await file.confirm(confirmed);
    expect(await file.read()).toMatchObject({ ...confirmed, body: STORED.body });
    await documentFile(directory, SOURCE).write(STORED);
    await file.confirm(confirmed);
    expect(await file.read()).toMatchObject(STORED);
  });

  it.each([
    ['nothing', ''],
    ['half of its first line', fileOf(STORED).slice(0, 50)],
    ['half of its body', fileOf(STORED).slice(0, -3)],
    ['a line that is null', 'null\n{}'],
    ['a line that is a list', '[]\n{}'],
    ["another source's keys", fileOf({ ...STORED, source: 'https://evil.test/' })],
    ['no source', fileOf({ ...STORED, source: undefined })],
    ['a time that is none', fileOf({ ...STORED, fetchedAtMs: '1' })],
    ['a negative time', fileOf({ ...STORED, lifetimeSeconds: -1 })],
    ['a time of issue that is none', fileOf({ ...STORED, issuedAtSeconds: '1' })],
    ['an endless time', `{"source":"${SOURCE}","fetchedAtMs":1,"lifetimeSeconds":1e999}\n{}`],
    ['bytes that are no text', Buffer.from([0xff, 0xfe, 0x00, 0x0a])],
    ['more than a key set can have', `${fileOf(STORED)}${' '.repeat(8 * 1024 * 1024 + 16_384)}`],
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

describe('a document that is written while it is read', () => {
  let parent: string;
  let directory: string;
  let file: DocumentFile;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'draft-'));
    directory = join(parent, 'lists');
    file = documentFile(directory, SOURCE, { format: 'chunks' });
  });
  afterEach(() => {
    rmSync(parent, { recursive: true });
  });
  const times = { fetchedAtMs: STORED.fetchedAtMs, lifetimeSeconds: 600 };
  const names = (): string[] => (existsSync(directory) ? readdirSync(directory) : []);
  const bytesIn = (): number => names().reduce((sum, name) => sum + statSync(join(directory, name)).size, 0);
  const openFiles = (): number => readdirSync('/proc/self/fd').length;
  /** Pieces of 64 KB in one buffer, as a file is read. */
  async function* pieces(count: number): AsyncGenerator<Uint8Array> {
    const piece = Buffer.alloc(65_536);
    for (let index = 0; index < count; index += 1) yield await Promise.resolve(piece.fill(index));
  }
  const expected = (count: number): Buffer =>
    Buffer.concat(Array.from({ length: count }, (_, index) => Buffer.alloc(65_536, index)));
  const through = async (copied: AsyncIterable<Uint8Array>): Promise<Buffer> => {
    const all: Uint8Array[] = [];
    for await (const piece of copied) all.push(Buffer.from(piece));
    return Buffer.concat(all);
  };

  it.each([0, 1, 40])('is handed on and kept as it came, in %d pieces', async (count) => {
    const before = openFiles();
    const draft = file.draft!();
    expect((await through(draft.copied(pieces(count)))).equals(expected(count))).toBe(true);
    expect(await file.read()).toBeUndefined();
    await draft.keep({ ...times, issuedAtSeconds: 7 });
    const kept = await documentFile(directory, SOURCE, { format: 'chunks', maxBytes: 1e8 }).read();
    expect(kept).toMatchObject({ ...times, issuedAtSeconds: 7 });
    expect(Buffer.concat(kept!.body as Uint8Array[]).equals(expected(count))).toBe(true);
    expect([names().length, statSync(join(directory, names()[0]!)).mode & 0o777]).toEqual([1, 0o600]);
    expect(openFiles()).toBe(before);
  });

  it('is on the disk before its end is there, but in no place where it would be read', async () => {
    const draft = file.draft!();
    const copied = draft.copied(pieces(100))[Symbol.asyncIterator]();
    for (let index = 0; index < 90; index += 1) await copied.next();
    // All but what is written at once.
    while (bytesIn() < 4 * 1024 * 1024) await new Promise(setImmediate);
    expect(await file.read()).toBeUndefined();
    await draft.discard();
    expect(names()).toEqual([]);
  });

  it('leaves nothing behind when it is of no use, also when more of it comes', async () => {
    await file.write({ ...times, body: [Buffer.from('good')] });
    const before = openFiles();
    const draft = file.draft!();
    const copied = draft.copied(pieces(60))[Symbol.asyncIterator]();
    for (let index = 0; index < 40; index += 1) await copied.next();
    await draft.discard();
    for (let next = await copied.next(); next.done !== true;) next = await copied.next();
    await draft.discard();
    expect([names().length, openFiles()]).toEqual([1, before]);
    expect((await file.read())?.body).toEqual([Buffer.from('good')]);
    await expect(draft.keep(times)).rejects.toThrow('discarded');
    expect((await file.read())?.body).toEqual([Buffer.from('good')]);
  });

  it('is read to its end when the folder is not safe; then it says so', async () => {
    await file.write({ ...times, body: [] });
    chmodSync(directory, 0o777);
    const before = openFiles();
    const draft = file.draft!();
    expect(await through(draft.copied(pieces(40)))).toHaveLength(40 * 65_536);
    await expect(draft.keep(times)).rejects.toThrow('others may write to the folder');
    expect([names().length, openFiles()]).toEqual([1, before]);
  });

  it('does not replace a newer document of another process', async () => {
    await documentFile(directory, SOURCE).write({ ...STORED, issuedAtSeconds: 100 });
    const draft = file.draft!();
    await through(draft.copied(pieces(20)));
    await draft.keep({ ...times, issuedAtSeconds: 99 });
    expect(await documentFile(directory, SOURCE).read()).toMatchObject({ ...STORED, issuedAtSeconds: 100 });
    expect(names()).toHaveLength(1);
  });

  it('can be confirmed as one that was written at once', async () => {
    const draft = file.draft!();
    await through(draft.copied(pieces(1)));
    await draft.keep(times);
    await file.confirm({ fetchedAtMs: Number.MAX_SAFE_INTEGER, lifetimeSeconds: 1e-7 / 3, issuedAtSeconds: 1e300 / 3 });
    expect(await file.read()).toMatchObject({ fetchedAtMs: Number.MAX_SAFE_INTEGER, body: [expected(1)] });
  });

  it('removes what a process left behind that was killed, and not what another is writing', async () => {
    await file.write({ ...times, body: [] });
    const [name] = names();
    const [old, young, foreign] = [`${name!}.old`, `${name!}.young`, 'other.json.old'];
    for (const each of [old, young, foreign]) writeFileSync(join(directory, each), 'half');
    const hourAgo = Date.now() / 1000 - 3600;
    for (const each of [old, foreign]) utimesSync(join(directory, each), hourAgo, hourAgo);
    await file.write({ ...times, body: [] });
    expect(names().sort()).toEqual([name!, young, foreign].sort());
  });
});

describeOtherUser('the key set on disk, when another user attacks', () => {
  let parent: string;
  let directory: string;
  let attacker: ChildProcess | undefined;
  beforeEach(() => {
    parent = mkdtempSync(join(tmpdir(), 'key-set-attack-'));
    directory = join(parent, 'keys');
    attacker = undefined;
  });
  afterEach(async () => {
    if (attacker !== undefined) await endOf(attacker);
    rmSync(parent, { recursive: true });
  });
  const POISON = { ...STORED, source: SOURCE, body: { keys: ['of the attacker'] } };

  it('never holds what that user wrote, who exchanges the folder all the time', async () => {
    await documentFile(directory, SOURCE).write(STORED);
    const name = readdirSync(directory)[0]!;
    chmodSync(parent, 0o777);
    const flip = `
      const [, parent, name, poison] = process.argv;
      process.chdir(parent);
      fs.mkdirSync('evil');
      fs.writeFileSync('evil/' + name, poison);
      console.log('ready');
      for (;;) {
        fs.renameSync('keys', 'kept');
        fs.symlinkSync('evil', 'keys');
        fs.unlinkSync('keys');
        fs.renameSync('kept', 'keys');
      }`;
    attacker = await startAsNobody(flip, parent, name, fileOf(POISON));
    const file = documentFile(directory, SOURCE);
    const seen = new Set<string>();
    for (let turn = 0; turn < 500; turn++) {
      seen.add(JSON.stringify((await file.read().catch(() => undefined))?.body));
    }
    expect(seen).not.toContain(JSON.stringify(POISON.body));
  });

  it("is neither read nor written in a folder that that user's group may write to", async () => {
    const file = documentFile(directory, SOURCE);
    await file.write(STORED);
    chownSync(directory, 0, NOBODY);
    chmodSync(directory, 0o770);
    await expect(file.read()).rejects.toThrow('others may write to the folder');
    await expect(file.write(STORED)).rejects.toThrow('others may write to the folder');
  });

  it('is neither read nor written in a folder that that user has made first', async () => {
    chmodSync(parent, 0o1777);
    asNobody('fs.mkdirSync(process.argv[1])', directory);
    const file = documentFile(directory, SOURCE);
    await expect(file.read()).rejects.toThrow('belongs to another user');
    await expect(file.write(STORED)).rejects.toThrow('belongs to another user');
    expect(readdirSync(directory)).toEqual([]);
  });
});
