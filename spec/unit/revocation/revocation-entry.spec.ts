import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { readEntry, readEntryText } from '../../../src/revocation/revocation-entry';

const ISS = 'https://auth.example.com/';

/** What a reader makes of an entry: the entry, or what is wrong with it. */
function outcomeOf(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    return (error as Error).message;
  }
}

/** The same from the value that `JSON.parse` makes of the text. */
function outcomeOfValue(text: string, ownIssuer?: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return 'is not JSON';
  }
  return outcomeOf(() => readEntry(value, ownIssuer));
}

describe('the text of an entry', () => {
  it.each<readonly [string, string]>([
    ['is written in the usual way', `{"iss":"${ISS}","jti":"a","exp":1800000000}`],
    ['has a name of the longest kind', `{"iss":"${ISS}","sub":"${'ü'.repeat(500)}","exp":1}`],
    ['has a name that is too long', `{"iss":"${ISS}","sub":"${'a'.repeat(501)}","exp":1}`],
    ['has an issuer that is too long', `{"iss":"${'a'.repeat(2049)}","sub":"a","exp":1}`],
    ['has an end of the year 10000', `{"iss":"${ISS}","sid":"a","exp":253402300800}`],
    ['has the last end', `{"iss":"${ISS}","sid":"a","exp":253402300799}`],
    ['has an end with a zero in front', `{"iss":"${ISS}","sid":"a","exp":01}`],
    ['has an end in another form', `{"iss":"${ISS}","sid":"a","exp":1.8e9}`],
    ['has a name with a mark that is escaped', `{"iss":"${ISS}","client_id":"a\\"b\\u0041","exp":1}`],
    ['has a line feed in its name', `{"iss":"${ISS}","jti":"a\nb","exp":1}`],
    ['has the end of a text in its name', `{"iss":"${ISS}","jti":"a","exp":1}","exp":1}`],
    ['has an empty name', `{"iss":"${ISS}","jti":"","exp":1}`],
    ['has a line feed behind it', `{"iss":"${ISS}","jti":"a","exp":1}\n`],
    ['has two names', `{"iss":"${ISS}","jti":"a","sub":"b","exp":1}`],
    ['has two ends', `{"iss":"${ISS}","jti":"a","exp":1,"exp":2}`],
    ['has a name of another kind', `{"iss":"${ISS}","nonce":"a","exp":1}`],
    ['is about another issuer', `{"iss":"https://other.example.com/","jti":"a","exp":1}`],
    ['is no text that JSON allows', `{"iss":"${ISS}","jti":"a","exp":1`],
  ])('is read as its value when it %s', (_, text) => {
    expect(outcomeOf(() => readEntryText(text))).toEqual(outcomeOfValue(text));
    expect(outcomeOf(() => readEntryText(text, ISS))).toEqual(outcomeOfValue(text, ISS));
  });

  it('is read as its value, whatever it holds', () => {
    const text = fc.oneof(fc.string({ maxLength: 8 }), fc.string({ unit: 'binary', maxLength: 4 }), fc.constant(ISS));
    const number = fc.oneof(fc.nat(), fc.double(), fc.maxSafeInteger(), fc.constant(1_800_000_000));
    const kind = fc.constantFrom('jti', 'sid', 'sub', 'client_id', 'iss', 'other', '__proto__');
    const members = fc.array(
      fc.oneof(
        fc.tuple(kind, fc.oneof(text, number)),
        fc.tuple(fc.constantFrom('exp', 'issued_before'), fc.oneof(number, text)),
      ),
      { maxLength: 3 },
    );
    const usual = fc.tuple(text, kind, text, number).map(([iss, name, value, exp]) => [
      ['iss', iss],
      [name, value],
      ['exp', exp],
    ]);
    const damage = fc.tuple(fc.nat(), fc.nat(2), fc.constantFrom('', '"', '\\', '}', ',', '1', '\n', ' '));
    const given = fc.tuple(fc.oneof(usual, members), fc.option(damage), fc.option(fc.constant(ISS), { freq: 1 }));
    let read = 0;
    fc.assert(
      fc.property(given, ([list, change, own]) => {
        const whole = `{${list.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join()}}`;
        const at = change === null ? 0 : change[0] % whole.length;
        const entry = change === null ? whole : whole.slice(0, at) + change[2] + whole.slice(at + change[1]);
        const outcome = outcomeOf(() => readEntryText(entry, own ?? undefined));
        expect(outcome).toEqual(outcomeOfValue(entry, own ?? undefined));
        if (typeof outcome === 'object') read += 1;
      }),
      { numRuns: 5000, seed: 22 },
    );
    // Otherwise only refusals were compared.
    expect(read).toBeGreaterThan(200);
  });
});
