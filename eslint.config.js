'use strict';

const tseslint = require('typescript-eslint');

/**
 * Who may import whom. A room may import itself, Node's own modules, and the packages and rooms listed here;
 * everything else is an error. Data flows one way, so no room imports one that imports it.
 */
const rooms = {
  schema: { packages: [], rooms: [] },
  'src/telemetry': { packages: [], rooms: [] },
  'src/core': { packages: ['jose', 'lru-cache'], rooms: ['schema', 'telemetry'] },
  'src/keys': { packages: ['jose', 'lru-cache', 'undici', 'ipaddr.js'], rooms: ['core', 'schema', 'telemetry'] },
  plugin: { packages: [], rooms: ['core', 'keys', 'schema', 'telemetry'] },
  'src/protocol': { packages: ['@bufbuild/protobuf'], rooms: [] },
  'src/pluginserver': { packages: ['prom-client'], rooms: ['protocol', 'telemetry'] },
  'src/gateway': { packages: ['yaml', 'ipaddr.js'], rooms: ['protocol', 'schema', 'telemetry'] },
  'src/guard': { packages: ['ipaddr.js'], rooms: ['core', 'keys', 'schema', 'telemetry'] },
  'src/bff': { packages: [], rooms: ['core', 'keys', 'schema', 'telemetry', 'gateway'] },
  'examples/demo': { packages: ['jose', 'lru-cache', 'commander'], rooms: ['gateway', 'cli', 'telemetry'] },
  'src/cli': {
    packages: ['commander'],
    rooms: ['pluginserver', 'gateway', 'telemetry', 'plugin', 'core', 'keys', 'schema'],
  },
};

const packages = Object.keys(require('./package.json').dependencies);
const nameOf = (folder) => folder.replace('src/', '');

const roomConfigs = Object.entries(rooms).map(([folder, allowed]) => {
  const forbidden = Object.keys(rooms)
    .map(nameOf)
    .filter((room) => room !== nameOf(folder) && !allowed.rooms.includes(room));
  const message = `${folder} may not import this (see eslint.config.js: who may import whom).`;
  const patterns = [
    { regex: `\\.\\./(.*/)?(${forbidden.join('|')})/`, message },
    ...packages.filter((name) => !allowed.packages.includes(name)).map((name) => ({ regex: `^${name}(/|$)`, message })),
  ];
  return {
    files: [`${folder}/**/*.ts`],
    rules: { '@typescript-eslint/no-restricted-imports': ['error', { patterns }] },
  };
});

module.exports = tseslint.config(
  { ignores: ['dist/', 'coverage/', 'node_modules/', 'examples/nextjs-bff/', '**/*.d.ts'] },
  {
    files: ['**/*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { project: './tsconfig.json', tsconfigRootDir: __dirname } },
    rules: {
      '@typescript-eslint/consistent-type-imports': 'error',
      '@typescript-eslint/restrict-template-expressions': ['error', { allowNumber: true, allowBoolean: true }],
      '@typescript-eslint/no-unnecessary-condition': ['error', { allowConstantLoopConditions: true }],
      '@typescript-eslint/switch-exhaustiveness-check': 'error',
      eqeqeq: 'error',
      'no-console': 'error',
    },
  },
  ...roomConfigs,
  {
    files: ['spec/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'no-console': 'off' },
  },
);
