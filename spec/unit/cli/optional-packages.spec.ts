import { describe, expect, it } from '@jest/globals';
import { peerDependencies } from '../../../package.json';
import { missingPackages } from '../../../src/cli/optional-packages';

const without = (missing: string) => (name: string) => {
  if (name === missing) throw new Error('MODULE_NOT_FOUND');
};

describe('optional packages', () => {
  it.each([
    ['@opentelemetry/', '@opentelemetry/resources'],
    ['@grpc/', '@grpc/grpc-js'],
  ] as const)('of %s that are missing are named with the version that this package was tried with', (scope, name) => {
    expect(missingPackages(scope, without(name))).toEqual([`${name}@${peerDependencies[name]}`]);
  });

  it('of another scope are not named', () => {
    expect(missingPackages('@opentelemetry/', without('@grpc/grpc-js'))).toEqual([]);
  });

  it('that are installed are not named', () => {
    expect(missingPackages('@', require.resolve)).toEqual([]);
  });
});
