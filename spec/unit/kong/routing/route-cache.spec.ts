import { describe, expect, it } from '@jest/globals';
import { routeCacheMixesUp } from '../../../../src/kong/routing/route-cache';
import { type Given, routesOf } from '../../../support/declared';

const open = { name: 'open', paths: ['/open'] };
const guarded = { name: 'guarded', paths: ['/admin'], tags: ['guarded'] };
const byHeader = { name: 'canary', paths: ['/canary'], headers: { 'X-Tenant': ['a'] } };
const byHost = { name: 'host', hosts: ['a.test'] };
const byExpression = { ...guarded, paths: ['~/admin$'] };

describe("the warning about Kong's cache of routes", () => {
  it.each<[boolean, string, readonly Given[]]>([
    [true, 'any route looks at a header', [open, guarded, byHeader]],
    [true, 'a route looks at hosts, and a guarded one has an expression', [byHost, byExpression]],
    [false, 'routes look at paths and hosts only', [open, guarded, byHost]],
    [false, 'no route is guarded', [open, byHeader]],
    [false, 'no route is open', [guarded, { ...byHeader, tags: ['guarded'] }]],
  ])('is %s if %s', (isMixedUp, _, routes) => {
    expect(routeCacheMixesUp(routesOf(routes), ({ tags }) => tags?.includes('guarded') === true)).toBe(isMixedUp);
  });
});
