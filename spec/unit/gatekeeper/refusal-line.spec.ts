import { describe, expect, it } from '@jest/globals';
import { CallerRefusal } from '../../../src/core/decision';
import { Refusal } from '../../../src/core/refusal/refusal';
import type { VerifiedToken } from '../../../src/core/verification/verified-token';
import { createRefusalLog, refusalLine } from '../../../src/gatekeeper/refusal-line';
import { createLogger } from '../../../src/telemetry/log';

describe('the line about a refusal', () => {
  it('says code, reason, hint, what the configuration accepts, the issuer and the key', () => {
    const hints = { accepted: ['admin', 'support team'], hint: 'a hint', issuer: 'https://auth.test/', kid: 'k1' };
    expect(refusalLine(new Refusal('forbidden', 'authorize[1]: none of the roles', hints))).toBe(
      'code=forbidden reason="authorize[1]: none of the roles" hint="a hint" accepted="admin, support team" issuer=https://auth.test/ kid=k1',
    );
  });

  it('names the scopes that a request needs', () => {
    expect(refusalLine(new Refusal('insufficient_scope', 'r', { scope: ['a', 'b'] }))).toContain('accepted="a, b"');
  });

  it('takes issuer and key of a verified caller from the token that was verified', () => {
    const token = { issuer: { issuer: 'https://auth.test/' }, key: { kid: 'k7' } } as unknown as VerifiedToken;
    const refusal = new CallerRefusal(new Refusal('forbidden', 'r'), token);
    expect(refusalLine(refusal)).toBe('code=forbidden reason=r issuer=https://auth.test/ kid=k7');
  });

  it('stays below 1,500 characters, and counts the names that do not fit', () => {
    const accepted = Array.from({ length: 500 }, (_, index) => `${'x'.repeat(60)}${index}`);
    const long = 'y'.repeat(5000);
    const line = refusalLine(new Refusal('forbidden', long, { accepted, issuer: long, kid: long }));
    expect(line.length).toBeLessThan(1500);
    expect(line).toMatch(/accepted="x+0, .*, and 49\d more"/);
    const one = refusalLine(new Refusal('forbidden', 'r', { accepted: ['z'.repeat(5000), 'b'] }));
    expect(one.length).toBeLessThan(500);
  });

  it('is one line, whatever a name of the configuration holds', () => {
    const line = refusalLine(
      new Refusal('forbidden', 'r', { accepted: ['a\nerror: forged', 'b\u2028"c'], issuer: 'i\r\nx' }),
    );
    expect(line).not.toMatch(/[\n\r\u2028]/);
  });
});

describe('the log of refusals of a door', () => {
  it('writes at notice, and few lines of a flood', () => {
    const lines: string[] = [];
    let now = 0;
    const log = createRefusalLog(createLogger('notice', (line) => void lines.push(line)).log, () => now);
    for (let request = 0; request < 10_000; request += 1) log(new Refusal('token_missing', 'r'), { route: 'a' });
    now = 1;
    log(new Refusal('token_missing', 'r'), { route: 'a' });
    expect(lines.length).toBe(21);
    expect(lines[0]).toBe('notice: request refused route=a code=token_missing reason=r\n');
    expect(lines[20]).toBe('notice: request refused route=a code=token_missing reason=r unwritten=9980\n');
  });
});
