import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { documentedDifferences, REQUEST_DIFFERENCES } from './accepted-differences';
import { BothGateways } from './both-gateways';
import { describeDifferences, runs, seed } from './describe-differences';
import { scenario, type Scenario } from './request-arbitrary';
import { differenceOf } from './request-outcome';

/** Longest that runs and shrinking may take together. */
const LIMIT_MS = 1_200_000;
/** Requests in a scenario, about. */
const PER_SCENARIO = 21;

describeDifferences('a request that a real Kong is sent as well', () => {
  let both: BothGateways;
  beforeAll(async () => {
    both = await BothGateways.start();
  }, 120_000);
  afterAll(() => both.stop());

  it('gets the same answer by the same route and arrives in the same form', async () => {
    const tally: Record<string, number> = {};
    await fc.assert(
      fc.asyncProperty(scenario, async (given) => {
        await both.serve(given);
        for (const request of given.requests) {
          const first = await both.ask(request);
          // No answer in time may be the machine's fault: once more.
          const isLate = (first.kong.status === null) !== (first.own.status === null);
          const { kong, own } = isLate ? await both.ask(request) : first;
          const difference = differenceOf(kong, own);
          const known = difference === null ? null : REQUEST_DIFFERENCES.find((one) => one.isMet(request, kong, own));
          const kind = difference === null ? String(kong.status) : (known?.name ?? 'unknown');
          tally[kind] = (tally[kind] ?? 0) + 1;
          if (difference !== null && known === undefined) expect({ request, own }).toEqual({ request, own: kong });
          // One of them has counted a request and the other has not: what follows is no difference of its own.
          if (difference !== null && isCounted(given)) break;
        }
      }),
      {
        seed,
        numRuns: runs(12, Math.ceil(10_000 / PER_SCENARIO)),
        interruptAfterTimeLimit: LIMIT_MS,
        markInterruptAsFailure: true,
      },
    );
    process.stderr.write(`requests, seed ${seed}: ${JSON.stringify(tally)}\n`);
    expect(tally['200']).toBeGreaterThan(10);
  }, 3_600_000);
});

function isCounted(given: Scenario): boolean {
  return JSON.stringify(given).includes('rate-limiting');
}

it('differs from what Kong does only in what docs/DEVELOPMENT-GATEWAY.md gives a reason for', () => {
  expect(documentedDifferences()).toEqual(expect.arrayContaining(REQUEST_DIFFERENCES.map(({ name }) => name)));
});
