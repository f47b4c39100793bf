'use strict';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/spec'],
  testMatch: ['**/*.spec.ts'],
  transform: { '^.+\\.tsx?$': ['ts-jest', { diagnostics: false }] },
  // jose is ESM-only: jest has to compile it like our own sources.
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
  coverageThreshold: { './src/core/': { statements: 100, branches: 100, functions: 100, lines: 100 } },
  collectCoverageFrom: ['src/core/**/*.ts'],
  testTimeout: 30_000,
};
