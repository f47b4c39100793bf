import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Refusal } from '../../../../src/core/refusal/refusal';
import { PendingDecisions } from '../../../../src/server/decisions/pending-decisions';
import type { Outcome, Policies } from '../../../../src/server/decisions/policies';
import { createReject } from '../../../../src/server/decisions/rejection';

const logger = { log: jest.fn(), isEnabled: () => false };
const permitted: Outcome = { outcome: 'proceed', permission: { headers: new Map(), forged: [], setCookies: [] } };
const question = { policy: 'orders', request: { headers: {} } };
let nowMs = 0;
const open: PendingDecisions[] = [];
afterEach(() => {
  for (const each of open.splice(0)) each.close();
});

function pendingWith(decide: Policies['decide']): { decisions: PendingDecisions; ends: string[] } {
  const ends: string[] = [];
  const decisions = new PendingDecisions({
    policies: { size: 1, decide },
    logger,
    reject: createReject(logger),
    deadlineMs: 1_000,
    observer: (outcome) => ends.push(outcome),
    now: () => nowMs,
  });
  open.push(decisions);
  return { decisions, ends };
}

describe('pending decisions', () => {
  it('end as they were decided', async () => {
    const { decisions, ends } = pendingWith(() => Promise.resolve(permitted));
    expect(await decisions.decide(question)).toBe(permitted);
    expect(ends).toEqual(['proceed']);
    expect(decisions.count).toBe(0);
  });

  it('are refused at their deadline, and a permission that comes later is not used', async () => {
    let permit: (outcome: Outcome) => void = () => undefined;
    const { decisions, ends } = pendingWith(() => new Promise((resolve) => (permit = resolve)));
    const decided = decisions.decide(question);
    nowMs += 999;
    decisions.failOverdue();
    expect(decisions.count).toBe(1);
    nowMs += 1;
    decisions.failOverdue();
    permit(permitted);
    expect(await decided).toMatchObject({ outcome: 'refuse', response: { status: 500 } });
    expect(ends).toEqual(['refuse']);
  });

  it('are refused when all are failed', async () => {
    const { decisions } = pendingWith(() => new Promise(() => undefined));
    const decided = [decisions.decide(question), decisions.decide(question)];
    decisions.failAll('the worker failed');
    for (const each of decided) expect(await each).toMatchObject({ outcome: 'refuse', response: { status: 500 } });
  });

  it('are refused when the policies reject', async () => {
    const { decisions } = pendingWith(() => Promise.reject(new Error('a bug')));
    expect(await decisions.decide(question)).toMatchObject({ outcome: 'refuse', response: { status: 500 } });
  });

  it('that are refused name the trace of the request in the answer and in the log, beside an id that is in both', () => {
    const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
    logger.log.mockClear();
    const { response } = createReject(logger)(new Refusal('token_missing', 'no bearer token'), {
      headers: { traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    });
    const { request_id: requestId, trace_id: named } = JSON.parse(response.body) as Record<string, string>;
    expect(named).toBe(traceId);
    expect(logger.log).toHaveBeenCalledWith(
      'notice',
      'request refused',
      expect.objectContaining({ request_id: requestId, trace_id: traceId }),
    );
  });

  it('refuse what could not be read', async () => {
    const { decisions } = pendingWith(() => Promise.resolve(permitted));
    const unread = new Refusal('configuration_error', 'no method');
    expect(await decisions.decide(unread)).toMatchObject({ outcome: 'refuse', response: { status: 500 } });
  });
});
