'use strict';

const { coreOrder, rooms } = require('./import-rules.js');

/** Matches the files of rooms: everything in a folder, or one file. */
const filesOf = (names) => `^(${names.join('|')})(/|[.]ts$)`;
const filesOfPackages = (names) => `(^|/)node_modules/(${names.join('|')})/`;

/** A room's own files, without those of a room inside it. */
const ownFiles = (name) => {
  const inner = Object.keys(rooms).filter((other) => other.startsWith(`${name}/`));
  return { path: filesOf([name]), ...(inner.length > 0 && { pathNot: filesOf(inner) }) };
};

const roomRules = Object.entries(rooms).map(([name, { rooms: others = [], packages = [] }]) => ({
  name: `${name} may import only ${[...others, ...packages].join(', ') || 'nothing'}`,
  severity: 'error',
  from: ownFiles(name),
  to: {
    pathNot: [
      filesOf([name, ...others]),
      '^package[.]json$',
      ...(packages.length > 0 ? [filesOfPackages(packages)] : []),
    ],
    dependencyTypesNot: ['core'],
    // What a room declares itself: the modules of Kong's worker (src/worker/kong.d.ts).
    couldNotResolve: false,
  },
}));

const coreRules = coreOrder.flatMap((line, index) => {
  const before = coreOrder.slice(0, index).flat();
  return line.map((name) => ({
    name: `src/core/${name} may import only ${before.join(', ') || 'nothing'} of src/core`,
    severity: 'error',
    from: { path: filesOf([`src/core/${name}`]) },
    to: { path: '^src/core/', pathNot: filesOf([name, ...before].map((other) => `src/core/${other}`)) },
  }));
});

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: 'no circles', severity: 'error', from: {}, to: { circular: true } },
    {
      name: 'every file has a room',
      severity: 'error',
      from: { path: '^(src|schema|plugin|examples/demo)/', pathNot: filesOf(Object.keys(rooms)) },
      to: {},
    },
    {
      name: 'every file of src/core has its place in the order',
      severity: 'error',
      from: { path: '^src/core/', pathNot: filesOf(coreOrder.flat().map((name) => `src/core/${name}`)) },
      to: {},
    },
    ...roomRules,
    ...coreRules,
  ],
  options: {
    // Also imports of types alone: a circle through types is a circle.
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    doNotFollow: { path: 'node_modules' },
    // How packages name their entry points.
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'require', 'node', 'types'] },
  },
};
