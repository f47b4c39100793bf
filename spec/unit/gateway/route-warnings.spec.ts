import { describe, expect, it } from '@jest/globals';
import { warnAboutRoutes, type IsGuard } from '../../../src/gateway/route-warnings';
import type { LogFields } from '../../../src/telemetry/log';
import { declared } from '../../support/declared';

const isKeyAuth: IsGuard = ({ name, config }) => name === 'key-auth' && (config['anonymous'] ?? null) === null;

/** Returns what is logged for a file in which `key-auth` is the guard. */
function warnings(file: object, isGuard: IsGuard = isKeyAuth): (LogFields | undefined)[] {
  const said: (LogFields | undefined)[] = [];
  warnAboutRoutes(declared(JSON.stringify({ _format_version: '3.0', ...file })), isGuard, (level, message, fields) => {
    if (message.includes('docs/ROUTES.md')) return;
    expect([level, message]).toEqual(['warn', expect.stringMatching(/^an open route (takes|may take) requests that/)]);
    said.push(fields);
  });
  return said;
}

const shop = { name: 'shop', hosts: ['shop.test'] };
const admin = { name: 'admin', paths: ['/admin'], headers: { 'X-A': ['1'] } };
const guard = { name: 'key-auth' };

describe('the warning about a route that Kong may be unable to replace', () => {
  it('names the route, also where no route is guarded', () => {
    const said: [string, LogFields | undefined][] = [];
    const route = { name: 'all', methods: ['GET'], hosts: ['*.test'], headers: { 'X-A': ['1'] }, paths: ['/a'] };
    const file = { _format_version: '3.0', routes: [route, { name: 'other', paths: ['/'] }] };
    warnAboutRoutes(declared(JSON.stringify(file)), isKeyAuth, (_, message, fields) => said.push([message, fields]));
    expect(said).toEqual([
      [expect.stringContaining('Kong may ignore later configurations until it is restarted'), { route: 'all' }],
    ]);
  });
});

describe('the warning about open routes that come first', () => {
  it('names the routes and a request', () => {
    expect(warnings({ routes: [shop, { ...admin, plugins: [guard] }] })).toEqual([
      { open: 'shop', guarded: 'admin', request: 'GET /admin', headers: 'Host: shop.test, x-a: 1' },
    ]);
  });

  it('counts a guard on the service, and one on everything, unless the route has its own entry', () => {
    const url = 'http://127.0.0.1:9';
    const services = [{ name: 's', url, plugins: [guard], routes: [admin] }];
    expect(warnings({ services, routes: [shop] })).toHaveLength(1);
    expect(warnings({ plugins: [guard], routes: [shop, admin] })).toEqual([]);
    const lifted = { ...guard, enabled: true, config: { anonymous: 'somebody' } };
    expect(warnings({ plugins: [guard], routes: [{ ...shop, plugins: [lifted] }, admin] })).toHaveLength(1);
  });

  it('does not count a guard for one consumer', () => {
    const plugins = [{ name: 'ip-restriction', config: { allow: ['10.0.0.1'] } }];
    const consumers = [{ username: 'ada', plugins }];
    const isGuard = ({ name }: { name: string }): boolean => name === 'ip-restriction';
    expect(warnings({ consumers, routes: [shop, { ...admin, plugins }] }, isGuard)).toHaveLength(1);
  });
});
