'use strict';

/** @type {import('jest').Config} */
module.exports = {
  testEnvironment: 'node',
  roots: ['<rootDir>/spec'],
  testMatch: ['**/*.spec.ts'],
  // jose is ESM-only, and Jest cannot require() that: it is compiled like our own sources, as plain CommonJS. What Node
  // itself does with it is covered by the specs that start real processes.
  transform: {
    '^.+\\.tsx?$': ['ts-jest', { diagnostics: false }],
    '/node_modules/jose/.+\\.js$': ['ts-jest', { diagnostics: false, tsconfig: 'tsconfig.jose.json' }],
  },
  transformIgnorePatterns: ['/node_modules/(?!jose/)'],
  coverageThreshold: { './src/core/': { statements: 100, branches: 100, functions: 100, lines: 100 } },
  collectCoverageFrom: ['src/core/**/*.ts'],
  testTimeout: 30_000,
  // A run that must not depend on luck names its seed; every other run tries random cases of its own.
  setupFiles: [
    '<rootDir>/spec/support/bounded-children.js',
    ...(process.env['FAST_CHECK_SEED'] === undefined ? [] : ['<rootDir>/spec/support/fixed-seed.js']),
  ],
};
