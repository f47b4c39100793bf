'use strict';

/**
 * Who may import whom. A room is a folder, or a file (without its ending) that has rules of its own. It may import
 * itself, Node's own modules, package.json, and the rooms and packages listed here. What is below a room in this list
 * never is: data flows one way.
 *
 * `.dependency-cruiser.js` makes rules of it for `npm run lint`, and spec/unit/docs/architecture.spec.ts compares its
 * folders with the table in docs/ARCHITECTURE.md.
 */
const rooms = {
  'src/telemetry': {},
  'src/files': {},
  'src/protocol/verdict': {},
  'src/protocol/line-budget': {},
  'src/protocol': { rooms: ['src/protocol/verdict'], packages: ['@bufbuild/protobuf'] },
  'src/kong/schema-language': {},
  'src/kong/paths': {},
  'src/kong/declarative': { rooms: ['src/kong/schema-language', 'src/kong/paths'], packages: ['yaml'] },
  'src/kong/routing': { rooms: ['src/kong/schema-language', 'src/kong/paths', 'src/kong/declarative'] },
  schema: { rooms: ['src/kong/schema-language'] },
  'src/policies': { rooms: ['src/kong', 'schema'] },
  'src/documents': { rooms: ['src/files', 'src/telemetry'], packages: ['undici', 'ipaddr.js', 'lru-cache'] },
  'src/core': { rooms: ['schema', 'src/telemetry'], packages: ['jose', 'lru-cache'] },
  'src/keys': { rooms: ['src/core', 'src/documents', 'schema', 'src/telemetry'] },
  'src/revocation': {
    rooms: ['src/core', 'src/documents', 'src/files', 'schema', 'src/telemetry'],
    packages: ['@redis/client', 'lru-cache'],
  },
  'src/gatekeeper': {
    rooms: ['src/core', 'src/keys', 'src/revocation', 'schema', 'src/protocol/line-budget', 'src/telemetry'],
  },
  plugin: {
    rooms: [...['src/gatekeeper', 'src/core', 'schema', 'src/protocol/verdict', 'src/telemetry']],
  },
  'src/worker': { rooms: ['src/protocol/verdict', 'src/protocol/line-budget'] },
  'src/server/listening': { rooms: ['src/telemetry'] },
  'src/server/endpoints': {
    rooms: ['src/server/listening', 'src/core', 'src/telemetry'],
    packages: [
      ...['prom-client', '@opentelemetry/api', '@opentelemetry/resources', '@opentelemetry/sdk-trace-base'],
      '@opentelemetry/exporter-trace-otlp-http',
    ],
  },
  'src/server/pluginserver': { rooms: ['src/server/listening', 'src/protocol', 'src/telemetry'] },
  'src/server/decisions': {
    rooms: [
      ...['src/server/listening', 'src/policies', 'src/gatekeeper', 'src/core', 'src/kong', 'schema', 'src/protocol'],
      'src/telemetry',
    ],
    packages: ['@grpc/grpc-js'],
  },
  'src/server/processes': {
    rooms: [
      ...[
        'src/server/listening',
        'src/server/endpoints',
        'src/server/pluginserver',
        'src/server/decisions',
        'src/policies',
      ],
      ...['src/files', 'src/protocol', 'src/telemetry'],
    ],
  },
  'src/gateway': {
    rooms: ['src/server/listening', 'src/kong', 'src/protocol', 'src/telemetry'],
    packages: ['ipaddr.js'],
  },
  'src/guard': { rooms: ['src/core', 'src/keys', 'schema', 'src/telemetry'], packages: ['ipaddr.js'] },
  'src/bff': {
    rooms: [...['src/policies', 'src/gatekeeper', 'src/core', 'src/kong', 'schema'], 'src/telemetry'],
    packages: ['undici', 'jose', 'lru-cache'],
  },
  'src/diagnostics': { rooms: ['src/policies', 'src/kong', 'schema'] },
  'src/cli': {
    rooms: [
      ...['src/diagnostics', 'src/policies'],
      ...['plugin', 'src/server', 'src/gateway', 'src/gatekeeper', 'src/keys', 'src/core', 'src/documents'],
      ...['src/revocation', 'src/files', 'src/kong', 'schema', 'src/telemetry'],
    ],
    packages: ['commander', 'yaml'],
  },
  'examples/demo': {
    rooms: ['src/cli', 'src/gateway', 'src/kong', 'src/telemetry'],
    packages: ['jose', 'lru-cache', 'commander'],
  },
};

/** The rooms inside src/core, from the bottom to the top. Each may import the lines before it, and nothing else of core. */
const coreOrder = [
  ['refusal', 'claim-selector', 'claim-items', 'claim-pattern', 'observer'],
  ['claim-condition'],
  ['request'],
  ['verification'],
  ['authorization', 'identity'],
  ['decision'],
  ['hand-over'],
  ['log-entry'],
  ['policy'],
  ['pipeline'],
];

module.exports = { rooms, coreOrder };
