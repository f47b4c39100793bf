import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { routeExcerpt } from '../../../examples/demo/page/route-excerpt';

const KONG_YML = readFileSync(join(__dirname, '../../../kong.yml'), 'utf8');

describe('routeExcerpt', () => {
  it('returns the lines of a route with the comment above it, and nothing of its neighbours', () => {
    expect(routeExcerpt(KONG_YML, 'admin')).toBe(
      [
        '# Administrators only.',
        '- name: admin',
        '  paths: [/admin]',
        '  strip_path: false',
        '  plugins:',
        '    - name: jwt-identity',
        '      config:',
        '        <<: *identity',
        '        authorize:',
        '          - roles: [admin]',
      ].join('\n'),
    );
  });

  it('returns a route that is written on one line', () => {
    expect(routeExcerpt('services:\n  - name: a\n    routes:\n      - { name: b, paths: [/b] }\n', 'b')).toBe(
      '- { name: b, paths: [/b] }',
    );
  });

  it('returns nothing for a name that no route has', () => {
    expect(routeExcerpt(KONG_YML, 'jwt-identity')).toBeUndefined();
    expect(routeExcerpt('', 'admin')).toBeUndefined();
  });
});
