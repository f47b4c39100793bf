import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { EntryName } from '../../../src/revocation/entry-name';
import {
  ENTRY_KINDS,
  isSameSubject,
  readEntry,
  writeEntry,
  type EntryKind,
  type RevocationEntry,
} from '../../../src/revocation/revocation-entry';
import { EXTRA_SECONDS, RevocationTable } from '../../../src/revocation/revocation-table';
import { NO_LIMIT, TableShard } from '../../../src/revocation/table-shard';

const ISS = 'https://auth.example.com/';
const NOW = 1_800_000_000;
const entry = (kind: EntryKind, name: string, changes: Partial<RevocationEntry> = {}): RevocationEntry => ({
  issuer: ISS,
  kind,
  name,
  issuedBefore: undefined,
  exp: NOW + 100,
  ...changes,
});
const tableOf = (...entries: readonly RevocationEntry[]): RevocationTable => {
  const table = new RevocationTable(1000);
  for (const each of entries) table.add(each, NOW);
  return table;
};

describe('a revocation table', () => {
  it.each([
    ['jti', { jti: 'x' }],
    ['sid', { sid: 'x' }],
    ['sub', { sub: 'x' }],
    ['client_id', { client_id: 'x' }],
    ['client_id', { azp: 'x' }],
  ] as const)('finds a token by its %s', (kind, claims) => {
    const table = tableOf(entry(kind, 'x'));
    expect(table.findRevocation({ iss: ISS, ...claims }, NOW)).toBe(kind);
    expect(table.findRevocation({ iss: 'https://other.example.com/', ...claims }, NOW)).toBeUndefined();
  });

  it('does not take the name of one kind for that of another', () => {
    const table = tableOf(entry('jti', 'x'));
    expect(table.findRevocation({ iss: ISS, sub: 'x', sid: 'x', client_id: 'x' }, NOW)).toBeUndefined();
  });

  it('returns the entries that count, of which a table makes the same answers', () => {
    const times = fc.record({
      issuedBefore: fc.option(fc.constantFrom(1, NOW, 2 ** 32 - 1, 2 ** 32, 253_402_300_799), { nil: undefined }),
      exp: fc.constantFrom(NOW - 601, NOW - 600, NOW - 599.5, NOW, NOW + 5000, 2 ** 32 - 1, 253_402_300_799),
    });
    const subject = fc.record({
      issuer: fc.constantFrom(ISS, 'https://other.example.com/', 'ü', '名'),
      kind: fc.constantFrom(...ENTRY_KINDS),
      name: fc.oneof(fc.string({ minLength: 1 }), fc.string({ unit: 'binary', minLength: 1 }), fc.constant('\ud800')),
    });
    const entries = fc.array(fc.tuple(subject, times), { maxLength: 60 }).map((each) =>
      each.map(([{ issuer, kind, name }, { issuedBefore, exp }]): RevocationEntry => {
        const limit = kind === 'jti' || kind === 'sid' ? undefined : issuedBefore;
        if (kind === 'iss') return { issuer, kind, name: '', issuedBefore: limit ?? NOW, exp };
        return { issuer, kind, name, issuedBefore: limit, exp };
      }),
    );
    fc.assert(
      fc.property(entries, fc.array(fc.nat(59)), (added, removed) => {
        const table = tableOf(...added);
        for (const index of removed) if (added[index] !== undefined) table.remove(added[index]);
        const kept = [...table.entries(NOW)].map((each) => readEntry(JSON.parse(JSON.stringify(writeEntry(each)))));
        expect(kept).toHaveLength(table.size);
        const copy = tableOf(...kept);
        for (const { issuer, kind, name } of added) {
          for (const iat of [undefined, 0, NOW - 1, NOW, NOW + 1, 2 ** 33]) {
            const claims = { iss: issuer, iat, ...(kind !== 'iss' && { [kind]: name }) };
            for (const seconds of [NOW, NOW + 599, NOW + 601, 2 ** 32 - 2, 2 ** 32]) {
              const [found, expected] = [copy, table].map((each) => each.findRevocation(claims, seconds));
              if (found !== expected) expect([claims, seconds, found]).toEqual([claims, seconds, expected]);
            }
          }
        }
      }),
      { numRuns: 50 },
    );
  });

  it('returns what was there before the first entry was asked for, whatever is added and taken back meanwhile', () => {
    const names = Array.from({ length: 2000 }, (_, index) => `name-${index}`);
    const table = new RevocationTable(100_000);
    for (const name of names) table.add(entry('jti', name), NOW);
    const unseen = new Set(names);
    for (const { name } of table.entries(NOW)) {
      if (!unseen.delete(name)) continue;
      table.remove(entry('jti', name));
      for (let copy = 0; copy < 3; copy += 1) table.add(entry('jti', `${name}-${copy}`), NOW);
    }
    expect([...unseen]).toEqual([]);
  });

  it('finds tokens that were issued before the time of an entry, and those without iat', () => {
    const table = tableOf(entry('sub', 'x', { issuedBefore: NOW }));
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW - 0.5 }, NOW)).toBe('sub');
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW }, NOW)).toBeUndefined();
    expect(table.findRevocation({ iss: ISS, sub: 'x' }, NOW)).toBe('sub');
  });

  it.each([2 ** 32 - 1, 2 ** 32, 9_999_999_999, 253_402_300_799])(
    'finds every token by an entry about those from before %d, which 32 bits do not hold',
    (issuedBefore) => {
      const table = tableOf(entry('sub', 'x', { issuedBefore }));
      expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW }, NOW)).toBe('sub');
      table.add(entry('sub', 'x', { issuedBefore: NOW - 1 }), NOW);
      expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW }, NOW)).toBe('sub');
    },
  );

  it.each([2 ** 32 - 601, 2 ** 32 - 1, 2 ** 32, 253_402_300_799])(
    'keeps an entry that ends at %d, which 32 bits do not hold',
    (exp) => {
      const table = tableOf(entry('jti', 'x', { exp }));
      expect(table.findRevocation({ iss: ISS, jti: 'x' }, NOW)).toBe('jti');
      expect(table.findRevocation({ iss: ISS, jti: 'x' }, 2 ** 32 - 2)).toBe('jti');
    },
  );

  it('finds a token whose iat is no number by an entry about older ones', () => {
    const table = tableOf(entry('sub', 'x', { issuedBefore: NOW }));
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: String(NOW + 1) }, NOW)).toBe('sub');
  });

  it('finds every older token of an issuer by an entry without a name', () => {
    const table = tableOf(entry('iss', '', { issuedBefore: NOW }));
    expect(table.findRevocation({ iss: ISS, jti: 'any', iat: NOW - 1 }, NOW)).toBe('iss');
    expect(table.findRevocation({ iss: ISS, jti: 'any', iat: NOW }, NOW)).toBeUndefined();
  });

  it('keeps an entry longer than leeway can keep a token', () => {
    const table = tableOf(entry('jti', 'x'));
    expect(EXTRA_SECONDS).toBeGreaterThan(300);
    expect(table.findRevocation({ iss: ISS, jti: 'x' }, NOW + 100 + EXTRA_SECONDS - 1)).toBe('jti');
    expect(table.findRevocation({ iss: ISS, jti: 'x' }, NOW + 100 + EXTRA_SECONDS)).toBeUndefined();
  });

  it('forgets an entry that was taken back, and no other', () => {
    const table = tableOf(entry('jti', 'x'), entry('jti', 'y'));
    expect(table.remove(entry('jti', 'x'))).toBe(true);
    expect(table.remove(entry('jti', 'x'))).toBe(false);
    expect(table.remove(entry('sub', 'y'))).toBe(false);
    expect(table.size).toBe(1);
    expect(table.findRevocation({ iss: ISS, jti: 'x' }, NOW)).toBeUndefined();
    expect(table.findRevocation({ iss: ISS, jti: 'y' }, NOW)).toBe('jti');
  });

  it('takes a number for the text that it is written as', () => {
    expect(tableOf(entry('sub', '17')).findRevocation({ iss: ISS, sub: 17 }, NOW)).toBe('sub');
  });

  it.each(['__proto__', 'constructor', 'toString', '', '\0', 'ü', '用户', '\ud800', 'ÿ'.repeat(500), '用'.repeat(500)])(
    'treats the name %j like any other',
    (name) => {
      const table = new RevocationTable(10);
      expect(table.findRevocation({ iss: ISS, sub: name }, NOW)).toBeUndefined();
      table.add(entry('sub', `${name.slice(0, 400)}!`), NOW);
      expect(table.findRevocation({ iss: ISS, sub: name }, NOW)).toBeUndefined();
      table.add(entry('sub', name), NOW);
      expect(table.findRevocation({ iss: ISS, sub: name }, NOW)).toBe('sub');
    },
  );

  it('may be about 10000 issuers, and no more', () => {
    const table = new RevocationTable(20_000);
    const of = (issuer: number): RevocationEntry => entry('jti', 'x', { issuer: `https://${issuer}.example.com/` });
    for (let issuer = 0; issuer < 10_000; issuer += 1) table.add(of(issuer), NOW);
    expect(() => {
      table.add(of(10_000), NOW);
    }).toThrow('more than 10000 issuers');
    table.add({ ...of(9_999), name: 'y' }, NOW);
    const found = (issuer: number, jti: string) =>
      table.findRevocation({ iss: `https://${issuer}.example.com/`, jti }, NOW);
    expect([found(0, 'x'), found(9_999, 'x'), found(9_999, 'y'), found(9_998, 'y')]).toEqual([
      ...['jti', 'jti', 'jti'],
      undefined,
    ]);
  });

  it('takes nothing back for an issuer that it does not know', () => {
    const table = tableOf(entry('jti', 'x'));
    expect(table.remove(entry('jti', 'x', { issuer: 'https://other.example.com/' }))).toBe(false);
    expect(table.size).toBe(1);
  });

  it('counts an entry that was taken back and added again as the new one', () => {
    const table = tableOf(entry('sub', 'x'));
    table.remove(entry('sub', 'x'));
    table.add(entry('sub', 'x', { issuedBefore: NOW, exp: NOW + 50 }), NOW);
    expect(table.size).toBe(1);
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW }, NOW)).toBeUndefined();
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW - 1 }, NOW)).toBe('sub');
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW - 1 }, NOW + 50 + EXTRA_SECONDS)).toBeUndefined();
  });

  it('keeps the later of two ends of an entry, whichever was added first', () => {
    const [long, short] = [entry('jti', 'x', { exp: NOW + 1000 }), entry('jti', 'x', { exp: NOW + 10 })];
    for (const table of [tableOf(long, short), tableOf(short, long)]) {
      expect(table.findRevocation({ iss: ISS, jti: 'x' }, NOW + 1000 + EXTRA_SECONDS - 1)).toBe('jti');
      expect(table.findRevocation({ iss: ISS, jti: 'x' }, NOW + 1000 + EXTRA_SECONDS)).toBeUndefined();
    }
  });

  it('keeps the later of two times of issue of an entry, but only while the first one counts', () => {
    const of = (issuedBefore: number): RevocationEntry => entry('sub', 'x', { issuedBefore });
    for (const table of [tableOf(of(NOW), of(NOW - 50)), tableOf(of(NOW - 50), of(NOW))]) {
      expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW - 1 }, NOW)).toBe('sub');
      expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW }, NOW)).toBeUndefined();
    }
    const table = tableOf(of(NOW));
    const end = NOW + 100 + EXTRA_SECONDS;
    table.add(entry('sub', 'x', { issuedBefore: NOW - 50, exp: end }), end);
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW - 51 }, end)).toBe('sub');
    expect(table.findRevocation({ iss: ISS, sub: 'x', iat: NOW - 50 }, end)).toBeUndefined();
  });

  it('refuses an entry too many, but first drops those that have ended', () => {
    const table = new RevocationTable(100);
    for (let index = 0; index < 100; index += 1) table.add(entry('jti', `old ${index}`), NOW);
    expect(() => {
      table.add(entry('jti', 'one more'), NOW);
    }).toThrow('more than 100 entries');
    const later = NOW + 100 + EXTRA_SECONDS;
    for (let index = 0; index < 100; index += 1) {
      table.add(entry('jti', `new ${index}`, { exp: later + 1 }), later);
    }
    expect(table.size).toBe(100);
    expect(table.findRevocation({ iss: ISS, jti: 'new 0' }, later)).toBe('jti');
  });

  it('answers like a plain set of thousands of names, also after many have ended or were taken back', () => {
    const table = new RevocationTable(100_000);
    const plain = new Set<string>();
    const nameOf = (index: number): string => `${index}${'-ü用'.slice(0, index % 4)}${'x'.repeat(index % 50)}`;
    const later = NOW + 100 + EXTRA_SECONDS;
    for (let index = 0; index < 12_000; index += 1) {
      const isShort = index % 5 === 0;
      const now = index < 6_000 ? NOW : later;
      table.add(entry('jti', nameOf(index), { exp: isShort && index < 6_000 ? NOW + 100 : later + 100 }), now);
      if (!isShort || index >= 6_000) plain.add(nameOf(index));
      if (index % 3 !== 0) continue;
      table.remove(entry('jti', nameOf(index / 3)));
      plain.delete(nameOf(index / 3));
    }
    const wrong = Array.from({ length: 13_000 }, (_, index) => nameOf(index)).filter(
      (jti) => (table.findRevocation({ iss: ISS, jti }, later) !== undefined) !== plain.has(jti),
    );
    expect(wrong).toEqual([]);
    expect(table.size).toBeGreaterThanOrEqual(plain.size);
  });

  it('tells names apart whose hashes are the same, also after many were taken back', () => {
    const shard = new TableShard();
    const name = new EntryName(1);
    const hashedAlike = (text: string): EntryName => {
      name.read(0, 0, text);
      name.hash = 0x7fff_ffff;
      return name;
    };
    const listed = (): string[] =>
      Array.from({ length: 700 }, (_, index) => `${index}`).filter((text) => shard.isListed(hashedAlike(text), 0, NOW));
    const even: string[] = [];
    for (let index = 0; index < 500; index += 1) {
      shard.add(hashedAlike(`${index}`), NOW + 1, NO_LIMIT, NOW);
      if (index % 2 === 0) even.push(`${index}`);
    }
    expect(listed()).toHaveLength(500);
    for (let index = 1; index < 500; index += 2) expect(shard.remove(hashedAlike(`${index}`))).toBe(true);
    expect(listed()).toEqual(even);
    shard.rebuild(NOW);
    expect(listed()).toEqual(even);
    expect(shard.size).toBe(250);
  });

  it('tells names apart whose hashes are the same by issuer, kind and all bytes, in one byte a character or in two', () => {
    const names = [
      ...([0, 1] as const).flatMap((issuer) => [0, 1].map((kind) => [issuer, kind, 'ab'] as const)),
      // In two bytes a character, the first one has the bytes of "ab", and the second one those of "\0\u0001".
      ...['\u6261', '\u0100', '\0\u0001', '\0', '用a', '用b'].map((text) => [0, 0, text] as const),
    ];
    const name = new EntryName(1);
    const hashedAlike = ([issuer, kind, text]: (typeof names)[number]): EntryName => {
      name.read(issuer, kind, text);
      name.hash = 0x7fff_ffff;
      return name;
    };
    for (const added of names) {
      const shard = new TableShard();
      shard.add(hashedAlike(added), NOW + 1, NO_LIMIT, NOW);
      expect(names.filter((asked) => shard.isListed(hashedAlike(asked), 0, NOW))).toEqual([added]);
    }
  });

  it('answers like a plain list, whatever is added, taken back and asked', () => {
    const seconds = fc.integer({ min: 0, max: 3000 });
    const issuers = fc.constantFrom('a', 'b', '__proto__');
    const names = fc.oneof(
      fc.constantFrom('x', 'y', '__proto__', 'ü', 'Ā'),
      fc.string({ unit: 'binary', maxLength: 4 }),
    );
    const entries = fc.record({
      issuer: issuers,
      kind: fc.constantFrom(...ENTRY_KINDS),
      name: names,
      issuedBefore: fc.option(seconds, { nil: undefined }),
      exp: seconds,
    });
    const steps = fc.array(
      fc.oneof(
        { weight: 5, arbitrary: fc.record({ do: fc.constant('add' as const), entry: entries }) },
        { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), entry: entries }) },
        {
          weight: 1,
          arbitrary: fc.record({ do: fc.constant('wait' as const), seconds: fc.integer({ min: 0, max: 200 }) }),
        },
      ),
      { maxLength: 120 },
    );
    const claims = fc.record(
      { iss: issuers, jti: names, sid: names, sub: names, client_id: names, azp: names, iat: seconds },
      { requiredKeys: ['iss'] },
    );
    fc.assert(
      fc.property(steps, fc.array(claims, { minLength: 1, maxLength: 20 }), (done, asked) => {
        const table = new RevocationTable(1000);
        let plain: RevocationEntry[] = [];
        let now = 0;
        for (const step of done) {
          if (step.do === 'wait') now += step.seconds;
          else {
            const named = { ...step.entry, name: step.entry.kind === 'iss' ? '' : step.entry.name };
            if (step.do === 'remove') table.remove(named);
            else table.add(named, now);
            plain = changed(plain, named, step.do, now);
          }
        }
        for (const token of asked) {
          expect(table.findRevocation(token, now) !== undefined).toBe(isRevoked(plain, token, now));
        }
      }),
      { numRuns: 500, seed: 22 },
    );
  });
});

const isOver = ({ exp }: RevocationEntry, now: number): boolean => exp + EXTRA_SECONDS <= now;

function changed(
  plain: RevocationEntry[],
  entry: RevocationEntry,
  how: 'add' | 'remove',
  now: number,
): RevocationEntry[] {
  const others = plain.filter((each) => !isSameSubject(each, entry));
  if (how === 'remove') return others;
  if (isOver(entry, now)) return plain;
  const same = plain.find((each) => isSameSubject(each, entry) && !isOver(each, now));
  const issuedBefore =
    same === undefined
      ? entry.issuedBefore
      : same.issuedBefore === undefined || entry.issuedBefore === undefined
        ? undefined
        : Math.max(same.issuedBefore, entry.issuedBefore);
  return [...others, { ...entry, issuedBefore, exp: Math.max(entry.exp, same?.exp ?? 0) }];
}

function isRevoked(plain: readonly RevocationEntry[], token: Readonly<Record<string, unknown>>, now: number): boolean {
  const { iss, iat } = token as { readonly iss: string; readonly iat?: number };
  return plain.some((entry) => {
    const { issuer, kind, name, issuedBefore } = entry;
    const values = kind === 'client_id' ? [token['client_id'], token['azp']] : kind === 'iss' ? [''] : [token[kind]];
    const isOld = issuedBefore === undefined || iat === undefined || iat < issuedBefore;
    return issuer === iss && values.includes(name) && isOld && !isOver(entry, now);
  });
}
