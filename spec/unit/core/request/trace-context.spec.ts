import { describe, expect, it } from '@jest/globals';
import { traceContextOf, traceIdOf } from '../../../../src/core/request/trace-context';
import { TRACEPARENTS } from '../../../support/traceparents';

describe('the trace of a request', () => {
  it.each(TRACEPARENTS)('in traceparent %j is %s', (traceparent, traceId) => {
    expect(traceIdOf({ traceparent })).toBe(traceId);
  });

  it('is not known without a traceparent, and without headers', () => {
    expect(traceIdOf({})).toBeUndefined();
    expect(traceIdOf(undefined)).toBeUndefined();
  });

  it.each([
    ['01', true],
    ['03', true],
    ['00', false],
    ['fe', false],
  ])('with the flags %s is recorded by the client: %p', (flags, isSampled) => {
    const [traceId, parentId] = ['a'.repeat(32), 'b'.repeat(16)];
    const traceparent = `00-${traceId}-${parentId}-${flags}`;
    expect(traceContextOf({ traceparent })).toEqual({ traceId, parentId, isSampled });
  });
});
