import type { ShippedGateway } from './gateway-process';

const folded = (header: string): string => header.toLowerCase().replaceAll('-', '[^a-z0-9]');

/** The gateways whose files are in examples/gateways. */
export const SHIPPED_GATEWAYS: readonly ShippedGateway[] = [
  {
    name: 'nginx',
    folder: 'nginx',
    program: 'nginx',
    version: ['-v'],
    args: ['-p', 'FOLDER/', '-c', 'nginx.conf', '-e', 'stderr'],
    strips: 'answered',
    withHttp2: (text) => text.replace(/listen (.+):8080;/, '$&\n    listen $1:8082 http2;'),
    http2Port: 8082,
    asksAt: (text, target) => text.replace('http://decisions/orders', `http://decisions${target}`),
    hasUnixSockets: true,
    withHeader: (text, header) => {
      const variable = `$added_${header.toLowerCase().replaceAll('-', '_')}`;
      const answered = `$upstream_http_${header.toLowerCase().replaceAll('-', '_')}`;
      return text.replace(
        'proxy_set_header X-User-ID ',
        `auth_request_set ${variable} ${answered};\nproxy_set_header ${header} ${variable};\n$&`,
      );
    },
  },
  {
    name: 'traefik',
    folder: 'traefik',
    program: 'traefik',
    version: ['version'],
    args: ['--configFile=traefik.yml'],
    strips: 'everything',
    asksAt: (text, target) => text.replace(/(address: '.*)\/orders'/, `$1${target}'`),
    hasUnixSockets: false,
    withHeader: (text, header) => text.replace('(authorization|', `(authorization|${folded(header)}|`),
  },
  {
    name: 'caddy',
    folder: 'caddy',
    program: 'caddy',
    version: ['version'],
    args: ['run', '--config', 'Caddyfile', '--adapter', 'caddyfile'],
    strips: 'answered',
    withHttp2: (text) => text.replace('admin off', '$&\n\tservers {\n\t\tprotocols h1 h2c\n\t}'),
    asksAt: (text, target) => text.replace('uri /{args[0]}', `uri ${target}`),
    hasUnixSockets: true,
    withHeader: (text, header) => text.replace('copy_headers ', `copy_headers ${header} `),
  },
  {
    name: 'haproxy',
    folder: 'haproxy',
    program: 'haproxy',
    version: ['-v'],
    args: ['-f', 'haproxy.cfg'],
    strips: 'nothing',
    withHttp2: (text) => text.replace(/bind (.+):8080/, '$&\n\tbind $1:8082 proto h2'),
    http2Port: 8082,
    asksAt: (text, target) => text.replace('lua.jwt-identity orders', `lua.jwt-identity ${target.slice(1)}`),
    hasUnixSockets: true,
    withHeader: (text) => text,
  },
  {
    name: 'envoy',
    folder: 'envoy',
    program: 'envoy',
    version: ['--version'],
    args: ['-c', 'envoy.yaml', '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'warn'],
    strips: 'answered',
    asksAt: (text) =>
      text.replace('path_prefix: /orders', '').replace('/.well-known/oauth-protected-resource', '/none'),
    hasUnixSockets: true,
    withHeader: (text, header) =>
      text.replace(
        '- { exact: authorization',
        `- { exact: ${header.toLowerCase()}, ignore_case: true }\n${' '.repeat(30)}$&`,
      ),
  },
  {
    name: 'envoy-grpc',
    folder: 'envoy',
    program: 'envoy',
    version: ['--version'],
    args: ['-c', 'envoy-grpc.yaml', '--use-dynamic-base-id', '--concurrency', '1', '--log-level', 'warn'],
    strips: 'nothing',
    asksAt: (text, target) => text.replace('policy: orders', `policy: '${target.slice(1)}'`),
    hasUnixSockets: true,
    withHeader: (text) => text,
  },
];
