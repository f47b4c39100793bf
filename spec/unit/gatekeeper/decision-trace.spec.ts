import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Proceed } from '../../../src/core/decision';
import { Refusal } from '../../../src/core/refusal/refusal';
import { beginTrace } from '../../../src/gatekeeper/decision-trace';
import { traceChannel, type TraceMessage } from '../../../src/telemetry/channels';

const passed: Proceed = { outcome: 'proceed', headers: {}, token: undefined };
const [traceId, parentId] = ['4bf92f3577b34da6a3ce929d0e0e4736', '00f067aa0ba902b7'];

it('a decision has no trace while nobody listens', () => {
  expect(beginTrace()).toBeUndefined();
});

describe('the trace of a decision', () => {
  let published: TraceMessage[];
  let nowMs: number;
  const note = (message: TraceMessage): void => {
    published.push(message);
  };
  beforeEach(() => {
    published = [];
    nowMs = 1000;
    traceChannel.subscribe(note);
  });
  afterEach(() => {
    traceChannel.unsubscribe(note);
  });

  it('has a step for what was looked at together, and says nothing of the findings', () => {
    const trace = beginTrace(() => (nowMs += 1))!;
    for (const stage of ['request', 'token', 'issuer', 'key', 'signature', 'claim', 'rule', 'identity'] as const) {
      trace.observe(stage, 'SECRET');
    }
    trace.decided();
    trace.end(passed, { headers: { traceparent: `00-${traceId}-${parentId}-01` } }, 'orders');
    expect(published).toEqual([
      {
        decision: { outcome: 'proceed', code: 'anonymous', status: 0 },
        policy: 'orders',
        parent: { traceId, parentId, isSampled: true },
        startMs: 1001,
        endMs: 1012,
        steps: [
          { name: 'request', startMs: 1001, endMs: 1003 },
          { name: 'verification', startMs: 1003, endMs: 1007 },
          { name: 'authorization', startMs: 1007, endMs: 1008 },
          { name: 'identity', startMs: 1008, endMs: 1010 },
          { name: 'hand-over', startMs: 1010, endMs: 1012 },
        ],
      },
    ]);
  });

  it('of a refusal ends with the step that refused', () => {
    const trace = beginTrace(() => (nowMs += 1))!;
    trace.observe('request', '');
    trace.observe('issuer', '');
    trace.decided();
    trace.end(new Refusal('token_untrusted', 'signature does not fit'), { headers: {} });
    expect(published).toMatchObject([
      {
        decision: { outcome: 'refuse', code: 'token_untrusted', status: 401 },
        steps: [{ name: 'request' }, { name: 'verification', endMs: 1004 }],
      },
    ]);
    expect(published[0]).not.toHaveProperty('parent');
  });

  it('has no step and no parent when the request could not be read', () => {
    beginTrace()!.end(new Refusal('internal_error', 'not decided'), undefined);
    expect(published).toMatchObject([{ decision: { code: 'internal_error', status: 500 }, steps: [] }]);
  });
});
