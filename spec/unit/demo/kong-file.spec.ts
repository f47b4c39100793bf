import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { portsFrom } from '../../../examples/demo/addresses';
import { kongYml, REPOSITORY } from '../../../examples/demo/kong-file';

describe("the demo's kong.yml", () => {
  const shipped = readFileSync(join(REPOSITORY, 'kong.yml'), 'utf8');

  it('is the one of the repository', () => {
    expect(kongYml(portsFrom(8000))).toBe(shipped);
  });

  it('differs from it in the ports only, where others are asked for', () => {
    const other = kongYml(portsFrom(9000));
    expect(other).not.toMatch(/127\.0\.0\.1:8/);
    expect(other.replaceAll('127.0.0.1:90', '127.0.0.1:80')).toBe(shipped);
  });
});
