'use strict';

const tseslint = require('typescript-eslint');

/**
 * Who may import whom. A room may import itself, Node's own modules, and the packages and rooms listed here;
 * everything else is an error. Data flows one way, so no room imports one that imports it.
 */
const rooms = {
  'src/telemetry': { packages: [], rooms: [] },
  'src/files': { packages: [], rooms: [] },
  'src/kong/schema-language': { packages: [], rooms: [] },
  'src/kong/declarative': { packages: ['yaml'], rooms: ['kong'] },
  'src/kong/routing': { packages: [], rooms: ['kong'] },
  'src/protocol': { packages: ['@bufbuild/protobuf'], rooms: [] },
  schema: { packages: [], rooms: ['kong'] },
  'src/core': { packages: ['jose', 'lru-cache'], rooms: ['schema', 'telemetry'] },
  'src/documents': { packages: ['undici', 'ipaddr.js', 'lru-cache'], rooms: ['files', 'telemetry'] },
  'src/keys': { packages: [], rooms: ['core', 'documents', 'schema', 'telemetry'] },
  'src/gatekeeper': { packages: [], rooms: ['core', 'keys', 'schema', 'telemetry'] },
  plugin: { packages: [], rooms: ['gatekeeper', 'core', 'schema', 'telemetry', 'protocol'] },
  'src/worker': { packages: [], rooms: ['protocol'] },
  'src/server': { packages: ['prom-client'], rooms: ['files', 'protocol', 'telemetry'] },
  'src/gateway': { packages: ['ipaddr.js'], rooms: ['kong', 'protocol', 'telemetry'] },
  'src/guard': { packages: ['ipaddr.js'], rooms: ['core', 'keys', 'schema', 'telemetry'] },
  'src/bff': { packages: [], rooms: ['gatekeeper', 'core', 'kong', 'schema', 'telemetry'] },
  'examples/demo': { packages: ['jose', 'lru-cache', 'commander'], rooms: ['gateway', 'kong', 'cli', 'telemetry'] },
  'src/cli': {
    packages: ['commander'],
    rooms: ['server', 'gateway', 'kong', 'telemetry', 'plugin', 'gatekeeper', 'core', 'keys', 'documents', 'schema'],
  },
};

const packages = Object.keys(require('./package.json').dependencies);
const nameOf = (folder) => folder.replace('src/', '').replace(/^kong\/.*/, 'kong');

const roomConfigs = Object.entries(rooms).map(([folder, allowed]) => {
  const forbidden = [...new Set(Object.keys(rooms).map(nameOf))].filter(
    (room) => room !== nameOf(folder) && !allowed.rooms.includes(room),
  );
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
  { ignores: ['**/dist/', '.stryker/', 'coverage/', 'node_modules/', 'examples/nextjs-bff/', '**/*.d.ts'] },
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
  // Compiled to Lua, with Lua's types and without JavaScript's library.
  {
    files: ['src/worker/**/*.ts'],
    languageOptions: { parserOptions: { project: './src/worker/tsconfig.json' } },
    rules: {
      // Lua's own, and the way to say that a function has no `self`.
      '@typescript-eslint/no-require-imports': 'off',
      '@typescript-eslint/no-invalid-void-type': ['error', { allowAsThisParameter: true }],
      // An assertion leaves no trace in Lua, and a `!` reads as if it were checked.
      '@typescript-eslint/non-nullable-type-assertion-style': 'off',
    },
  },
  ...roomConfigs,
  {
    files: ['spec/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'no-console': 'off' },
  },
);
