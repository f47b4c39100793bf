'use strict';

const tseslint = require('typescript-eslint');

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
  {
    files: ['spec/**/*.ts', 'bench/**/*.ts', 'examples/**/*.ts'],
    rules: { '@typescript-eslint/no-non-null-assertion': 'off', 'no-console': 'off' },
  },
);
