import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { portsFrom } from '../../../examples/demo/addresses';
import { readKongYml, SHIPPED_KONG_YML } from '../../../examples/demo/kong-file';

describe("the demo's kong.yml", () => {
  const shipped = readFileSync(SHIPPED_KONG_YML, 'utf8');

  it('is the one of the repository', () => {
    expect(readKongYml(SHIPPED_KONG_YML, portsFrom(8000))).toBe(shipped);
  });

  it('differs from it in the ports only, where others are asked for', () => {
    const other = readKongYml(SHIPPED_KONG_YML, portsFrom(9000));
    expect(other).not.toMatch(/127\.0\.0\.1:8/);
    expect(other.replaceAll('127.0.0.1:90', '127.0.0.1:80')).toBe(shipped);
  });
});
