import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { piecesOf, readListText, type Pieces } from '../../../src/revocation/list-text';
import { readRevocationList, type ListRules, type RevocationList } from '../../../src/revocation/revocation-list';

const ISS = 'https://auth.example.com/';
const NOW = 1_800_000_000;
const RULES: ListRules = { maxEntries: 10, issuer: undefined };
const ENTRY = { iss: ISS, jti: 'a', exp: NOW + 60 };
const listOf = (...revocations: readonly unknown[]): string => JSON.stringify({ iat: NOW, revocations });
const whole = (text: string): Pieces => piecesOf([Buffer.from(text)]);
const read = async (text: string, rules = RULES): Promise<RevocationList> =>
  (await readRevocationList(whole(text), rules, NOW)).value;

describe('a revocation list', () => {
  it('is read with its times', async () => {
    const text = JSON.stringify({ ttl: 30, revocations: [ENTRY], exp: NOW + 100, iat: NOW - 1 });
    const { value, ...times } = await readRevocationList(whole(text), RULES, NOW);
    expect(value).toMatchObject({ iat: NOW - 1, table: { size: 1 } });
    expect(times).toEqual({ issuedAtSeconds: NOW - 1, lifetimeSeconds: 30, expiresAtMs: (NOW + 100) * 1000 });
    expect(value.table.findRevocation({ iss: ISS, jti: 'a' }, NOW)).toBe('jti');
  });

  it.each<readonly [string, unknown, string]>([
    ['is not an object', 'a', 'entry 1: is not an object'],
    ['is a list', [], 'entry 1: is not an object'],
    ['names no issuer', { jti: 'a', exp: NOW }, 'entry 1: has no iss'],
    ['has no end', { iss: ISS, jti: 'a' }, 'entry 1: has no end (exp)'],
    ['has an end in milliseconds', { ...ENTRY, exp: NOW * 1000 }, 'entry 1: exp is not a NumericDate'],
    ['has an end that is text', { ...ENTRY, exp: '1800000000' }, 'entry 1: exp is not a NumericDate'],
    ['names nothing', { iss: ISS, exp: NOW }, 'entry 1: names no jti, sid, sub or client_id'],
    ['names two things', { ...ENTRY, sub: 'b' }, 'entry 1: names more than one of jti, sub'],
    ['has an empty name', { ...ENTRY, jti: '' }, 'entry 1: jti is not a text'],
    ['has a number for a name', { ...ENTRY, jti: 1 }, 'entry 1: jti is not a text'],
    ['has a name of 10 KB', { ...ENTRY, jti: 'a'.repeat(10_240) }, 'entry 1: jti has more than 500 characters'],
    ['has a name of 100 KB', { ...ENTRY, jti: 'a'.repeat(102_400) }, 'entry 1 is too long'],
    ['ends a token by its time of issue', { ...ENTRY, issued_before: NOW }, 'issued_before has no meaning with jti'],
    [
      'ends a session by its time of issue',
      { iss: ISS, sid: 'a', exp: NOW, issued_before: NOW },
      'issued_before has no meaning with sid',
    ],
    [
      'has a time of issue in milliseconds',
      { iss: ISS, sub: 'a', exp: NOW, issued_before: NOW * 1000 },
      'issued_before is not a NumericDate',
    ],
    ['has an end before 1970', { ...ENTRY, exp: -1 }, 'exp is not a NumericDate'],
    ['has an empty issuer', { ...ENTRY, iss: '' }, 'has no iss'],
    ['has an issuer of 2 KB', { ...ENTRY, iss: 'i'.repeat(2049) }, 'has no iss, or one that is not a text'],
    ['has an issuer that is no text', { ...ENTRY, iss: [ISS] }, 'has no iss, or one that is not a text'],
  ])('is refused as a whole when an entry %s', async (_, entry, reason) => {
    await expect(read(listOf(entry, ENTRY))).rejects.toThrow(reason);
  });

  it('may have names of 500 characters, issuers of 2048, and times up to the year 9999', async () => {
    const entry = { iss: 'i'.repeat(2048), sub: 'a'.repeat(500), exp: 253_402_300_799, issued_before: 253_402_300_799 };
    const { table } = await read(listOf(entry, { ...entry, sub: undefined }));
    expect(table.findRevocation({ iss: entry.iss, sub: entry.sub, iat: NOW }, NOW)).toBe('sub');
    expect(table.findRevocation({ iss: entry.iss, sub: 'b', iat: NOW }, NOW)).toBe('iss');
  });

  it('is refused when an entry is about another issuer than that of the list', async () => {
    const rules = { ...RULES, issuer: ISS };
    await expect(read(listOf({ ...ENTRY, iss: 'https://other.example.com/' }), rules)).rejects.toThrow(
      'another issuer',
    );
    const { table } = await read(listOf({ jti: 'a', exp: NOW }), rules);
    expect(table.findRevocation({ iss: ISS, jti: 'a' }, NOW)).toBe('jti');
  });

  it.each<readonly [string, string, string]>([
    ['is empty', '', 'not a JSON object'],
    ['is HTML', '<html>', 'not a JSON object'],
    ['is a bare list', '[]', 'not a JSON object'],
    ['has no entries', '{"iat":1}', 'no revocations'],
    ['has entries that are no list', '{"revocations":{}}', 'revocations is not a list'],
    ['ends in the middle of an entry', '{"iat":1,"revocations":[{"iss":"a', 'ends too early'],
    ['ends after an entry', '{"iat":1,"revocations":[{}', 'entry 1'],
    ['lacks a comma', listOf(ENTRY, ENTRY).replace('},{', '}{'), 'the list is not JSON'],
    ['has a comma too many', listOf(ENTRY).replace('}]', '},]'), 'entry 2 is not JSON'],
    ['has the entries twice', `${listOf(ENTRY).slice(0, -1)},"\\u0072evocations":[1]}`, 'twice'],
    ['goes on behind its end', `${listOf(ENTRY)}x`, 'the list is not JSON'],
    ['has no time', '{"revocations":[]}', 'has no iat'],
    ['has a time that is text', '{"iat":"1","revocations":[]}', 'iat of the list is not a number'],
    ['has a time to come', JSON.stringify({ iat: NOW + 301, revocations: [] }), 'in the future'],
    [
      'has more than a megabyte of something else first',
      `{"note":"${'a'.repeat(1_200_000)}","revocations":[]}`,
      'no revocations',
    ],
    [
      'has more than a megabyte of something else last',
      `{"revocations":[],"note":"${'a'.repeat(1_048_576)}"}`,
      'too much behind',
    ],
    [
      'has too many entries',
      listOf(...Array.from({ length: 11 }, (_, i) => ({ ...ENTRY, jti: `${i}` }))),
      'max_entries',
    ],
  ])('is refused when it %s', async (_, text, reason) => {
    await expect(read(text)).rejects.toThrow(reason);
  });

  it.each([
    ['is not UTF-8', Buffer.from([0x7b, 0xff])],
    ['ends within a character', Buffer.from(`${listOf(ENTRY)}ü`).subarray(0, -1)],
  ])('is refused when it %s', async (_, bytes) => {
    await expect(readRevocationList(piecesOf([bytes]), RULES, NOW)).rejects.toThrow('the document is not UTF-8');
  });

  it('counts an entry that is there twice as one', async () => {
    expect((await read(listOf(ENTRY, ENTRY))).table.size).toBe(1);
  });
});

describe('the reader of a list', () => {
  /** Small: of a text that comes byte by byte, the reader looks at the beginning again and again. */
  const values = fc.jsonValue({ maxDepth: 2 });
  const members = fc.dictionary(
    fc.string().filter((name) => name !== 'revocations' && name !== '__proto__'),
    values,
    { maxKeys: 3 },
  );

  /** The bytes of a text in pieces of a few bytes each. */
  const cut = (text: string, size: number): Pieces => {
    const bytes = Buffer.from(text);
    return Array.from({ length: Math.ceil(bytes.length / size) }, (_, at) =>
      bytes.subarray(at * size, (at + 1) * size),
    );
  };
  const sizes = fc.integer({ min: 1, max: 40 });

  it('reads what JSON.parse reads, from any layout and wherever the pieces are cut', async () => {
    const indents = fc.constantFrom<undefined | string>(undefined, '  ', '\t', '\r\n');
    await fc.assert(
      fc.asyncProperty(
        members,
        fc.array(fc.dictionary(fc.string(), values, { maxKeys: 3 }), { maxLength: 5 }),
        members,
        indents,
        sizes,
        async (...given) => {
          const [ahead, revocations, behind, indent, size] = given;
          const text = JSON.stringify({ ...ahead, revocations, ...behind }, null, indent);
          const entries: unknown[] = [];
          const rest = await readListText(cut(text, size), (entry) => entries.push(entry));
          expect({ ...rest, revocations: entries }).toEqual(JSON.parse(text));
        },
      ),
      { numRuns: 300, seed: 22 },
    );
  });

  it('asks for no piece more than it needs to refuse a list, and lets go of where they come from', async () => {
    let [given, isClosed] = [0, false];
    async function* pieces(): AsyncGenerator<Uint8Array> {
      try {
        for (const text of ['{"revocations":[', '1', ',{', '}]}']) {
          given += 1;
          yield await Promise.resolve(Buffer.from(text));
        }
      } finally {
        isClosed = true;
      }
    }
    const refuse = (): never => {
      throw new Error('no');
    };
    await expect(readListText(pieces(), refuse)).rejects.toThrow('no');
    expect([given, isClosed]).toEqual([3, true]);
  });

  it('lets other work go on while it reads', async () => {
    const text = listOf(...Array.from({ length: 20_000 }, (_, at) => ({ ...ENTRY, jti: `${at}` })));
    let turns = 0;
    let next: NodeJS.Immediate | undefined;
    const turn = (): void => {
      turns += 1;
      next = setImmediate(turn);
    };
    turn();
    await readListText(whole(text), () => undefined);
    clearImmediate(next);
    expect(turns).toBeGreaterThan(1);
  });

  it('reads or refuses any text, and takes no list for another', async () => {
    const good = listOf(ENTRY, { ...ENTRY, jti: 'b"]}' });
    const damaged = fc.tuple(
      fc.nat(good.length),
      fc.nat(3),
      fc.constantFrom('', '"', '{', '}', '[', ']', ',', '\\', ' '),
    );
    await fc.assert(
      fc.asyncProperty(damaged, sizes, async ([at, gone, put], size) => {
        const text = good.slice(0, at) + put + good.slice(at + gone);
        const entries: unknown[] = [];
        const rest = await readListText(cut(text, size), (entry) => entries.push(entry)).catch(() => undefined);
        if (rest !== undefined) expect({ ...rest, revocations: entries }).toEqual(JSON.parse(text));
      }),
      { numRuns: 1000, seed: 22 },
    );
  });
});
