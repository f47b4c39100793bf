import { describe, expect, it } from '@jest/globals';
import type { VerificationKey } from '../../../src/core/verification/key-source';
import { keyChanges } from '../../../src/keys/key-changes';
import { describeKey, keyFindings } from '../../../src/keys/key-findings';
import { LogRecorder } from '../../support/key-issuer';
import { signingKey } from '../../support/tokens';

const keyOf = (kid: string | null): VerificationKey => ({
  kid,
  algorithms: ['RS256', 'PS256'],
  key: signingKey('ES256').publicKey,
});
const [a, b, c] = [keyOf('a'), keyOf('b'), keyOf('c')];
const ISSUER = 'https://auth.test/';

describe('the log of a key set', () => {
  it('says how many keys came and went, also when some only went, and nothing when all stayed', () => {
    const recorder = new LogRecorder();
    const change = keyChanges(ISSUER, recorder.log);
    change([], [a, b], []);
    change([a, b], [b, a], []);
    change([a, b], [b], []);
    change([b], [c], []);
    expect(recorder.records).toEqual(
      [
        { keys: 2, added: 2, removed: 0 },
        { keys: 1, added: 0, removed: 1 },
        { keys: 1, added: 1, removed: 1 },
      ].map((fields) => ({ level: 'notice', message: 'keys changed', fields: { issuer: ISSUER, ...fields } })),
    );
  });

  it('says why keys are not used once, until the reasons change', () => {
    const recorder = new LogRecorder();
    const change = keyChanges(ISSUER, recorder.log);
    for (const reasons of [[], ['one'], ['one'], ['one', 'two'], [], ['one']]) change([a], [a], reasons);
    expect(recorder.records.map(({ fields }) => [fields['skipped'], fields['reasons']])).toEqual([
      [1, 'one'],
      [2, 'one; two'],
      [1, 'one'],
    ]);
  });
});

describe('the findings about a key set', () => {
  it('name each key by its kid and what it is for', () => {
    expect(keyFindings([a, keyOf(null)], ['why'])).toEqual([
      'the set has kid "a", for RS256, PS256',
      'the set has a key without kid, for RS256, PS256',
      'not used: why',
    ]);
    expect(describeKey(keyOf('"'))).toBe('kid "\\"", for RS256, PS256');
  });

  it('are a hundred at most', () => {
    const findings = (skipped: number): readonly string[] => keyFindings([a], Array<string>(skipped).fill('why'));
    expect(findings(99)).toHaveLength(100);
    expect(findings(99).at(-1)).toBe('not used: why');
    expect(findings(100)).toHaveLength(101);
    expect(findings(1000).at(-1)).toBe('and 901 more keys');
  });
});
