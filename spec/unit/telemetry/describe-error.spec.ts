import { describe, expect, it } from '@jest/globals';
import { describeError } from '../../../src/telemetry/describe-error';

describe('what is logged of something that was thrown', () => {
  it('is its name and the innermost frames, never its message', () => {
    const { error, at } = describeError(new TypeError('eyJhbGciOi'));
    expect(error).toBe('TypeError');
    expect(String(at).split(' < ')).toHaveLength(3);
    expect(at).not.toContain('eyJhbGciOi');
  });

  it('is not a line of the message that looks like a frame', () => {
    expect(describeError(new Error('odd:\n    at eyJhbGciOi'))['at']).not.toContain('eyJhbGciOi');
  });

  it.each([
    ['the code of a system error', Object.assign(new Error('no'), { code: 'ENOENT' }), { code: 'ENOENT' }],
    ['the type of what is no error', 'eyJhbGciOi', { error: 'string' }],
    ['nothing of nothing', undefined, {}],
  ])('is %s', (_, thrown, expected) => {
    expect(describeError(thrown)).toMatchObject(expected);
  });
});
