import { describe, expect, it } from '@jest/globals';
import { FetchError } from '../../../src/documents/fetch-error';
import { listUnavailable } from '../../../src/revocation/list-unavailable';

describe('the refusal while a list cannot be used', () => {
  it.each<readonly [string | undefined, string | undefined, object]>([
    ['/etc/list', 'ECONNREFUSED', { hint: '/etc/list: ECONNREFUSED' }],
    ['/etc/list', undefined, { hint: '/etc/list' }],
    [undefined, 'ECONNREFUSED', { hint: 'ECONNREFUSED' }],
    [undefined, undefined, {}],
  ])('says when to come back, and for the log the place and the reason: %s, %s', (name, reason, hint) => {
    const failure = reason === undefined ? undefined : new FetchError(reason);
    const refusal = listUnavailable('no usable list', name, { retryAfterSeconds: 7, failure });
    expect(refusal).toMatchObject({ status: 503, code: 'revocation_unavailable', reason: 'no usable list' });
    expect(refusal.hints).toEqual({ retryAfterSeconds: 7, ...hint });
  });
});
