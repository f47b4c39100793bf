import { describe, expect, it } from '@jest/globals';
import { parseConfig } from '../../../../schema/parse-config';
import { shadowRules } from '../../../../src/core/authorization/authorization';
import { shadowRefusal } from '../../../../src/core/authorization/shadow';
import type { Refusal } from '../../../../src/core/refusal/refusal';
import { ISSUER } from '../../../support/policy';
import { verifiedToken } from '../../../support/verified';

const config = parseConfig({ issuers: [ISSUER], authorize_shadow: [{ methods: ['GET'], roles: ['admin'] }] });
const rules = shadowRules(config);

function refusalFor(roles: readonly string[], method = 'GET'): Refusal | undefined {
  return shadowRefusal(verifiedToken({ roles }, config), method, rules);
}

describe('rules on trial', () => {
  it('refuse nobody when there are none', () => {
    expect(shadowRefusal(verifiedToken({}, config), 'GET', undefined)).toBeUndefined();
  });

  it('answer as authorize would', () => {
    expect(refusalFor(['admin'])).toBeUndefined();
    expect(refusalFor(['user'])).toMatchObject({ code: 'forbidden', reason: 'authorize_shadow[1]: none of the roles' });
    expect(refusalFor(['admin'], 'POST')).toMatchObject({ reason: 'authorize_shadow: no entry for the method' });
  });

  it('turn an error of their own into an answer, and never throw', () => {
    const broken = { ...verifiedToken({}, config), caller: undefined } as unknown as ReturnType<typeof verifiedToken>;
    expect(shadowRefusal(broken, 'GET', rules)).toMatchObject({
      code: 'internal_error',
      reason: 'authorize_shadow failed',
    });
  });

  it('tell an observer what they looked at', () => {
    const stages: string[] = [];
    shadowRefusal(verifiedToken({ roles: ['admin'] }, config), 'GET', rules, (stage) => stages.push(stage));
    expect(stages).toEqual(['shadow', 'shadow']);
  });
});
