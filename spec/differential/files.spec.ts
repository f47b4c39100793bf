import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { KONG_ONLY } from '../../src/kong/declarative/configuration-error';
import { judgedFiles } from '../support/kong-yml-verdicts';
import { documentedDifferences, FILE_DIFFERENCES } from './accepted-differences';
import { damagedText, fileText } from './file-arbitrary';
import { kongVerdict, ownVerdict } from './file-verdict';
import { describeDifferences, runs, seed } from './describe-differences';
import { type RealKong, startRealKong } from './real-kong';

/** How often what came of files: a spec that compares nothing shall not pass. */
type Tally = Record<'accepted' | 'refused' | 'stricter' | 'kong', number>;

describeDifferences('a file that a real Kong is asked about', () => {
  let kong: RealKong;
  beforeAll(async () => {
    kong = await startRealKong();
  }, 120_000);
  afterAll(() => kong.stop());

  /** Asks both about a file and throws when they differ in a way that is not documented. */
  const compare = async (text: string, tally: Tally): Promise<void> => {
    const own = ownVerdict(text);
    const theirs = kongVerdict(await kong.load(text));
    if ('entities' in own) {
      // What is taken here must be taken there, and mean the same.
      expect(own).toEqual(theirs);
      tally.accepted += 1;
      return;
    }
    if ('reasons' in theirs) {
      tally.refused += 1;
      return;
    }
    const unknown = own.reasons.filter((reason) => !FILE_DIFFERENCES.some((accepted) => accepted.reason.test(reason)));
    // What Kong has alone may have consequences: one such reason is enough.
    const isKongOnly = own.reasons.some((reason) => reason.includes(KONG_ONLY));
    expect(isKongOnly ? [] : unknown).toEqual([]);
    tally[isKongOnly ? 'kong' : 'stricter'] += 1;
  };

  const compareAll = async (texts: fc.Arbitrary<string>, numRuns: number): Promise<Tally> => {
    const tally: Tally = { accepted: 0, refused: 0, stricter: 0, kong: 0 };
    await fc.assert(
      fc.asyncProperty(texts, (text) => compare(text, tally)),
      { seed, numRuns, interruptAfterTimeLimit: 3_000_000 },
    );
    process.stderr.write(`files, seed ${seed}: ${JSON.stringify(tally)}\n`);
    return tally;
  };

  it('is taken or refused as spec/fixtures/kong-yml-verdicts.txt says', async () => {
    for (const { verdict, text } of judgedFiles()) {
      expect({ text, isAccepted: (await kong.load(text)).isAccepted }).toEqual({
        text,
        isAccepted: verdict !== 'refused',
      });
    }
  }, 300_000);

  it('is taken or refused by both gateways, and means the same to both', async () => {
    const numRuns = runs(300, 1_500);
    const tally = await compareAll(fileText, numRuns);
    expect(tally.accepted).toBeGreaterThan(numRuns / 20);
    expect(tally.refused).toBeGreaterThan(numRuns / 20);
  }, 3_600_000);

  it('is read alike by both gateways when its YAML is damaged', async () => {
    await compareAll(damagedText, runs(100, 500));
  }, 3_600_000);
});

it('differs from what Kong takes only in what docs/DEVELOPMENT-GATEWAY.md gives a reason for', () => {
  const names = FILE_DIFFERENCES.flatMap(({ name }) => name ?? []);
  expect(documentedDifferences()).toEqual(expect.arrayContaining(names));
});
