import { createServer, type Server } from 'node:http';
import { metadataAnswer, type ResourceMetadata } from '../../core/refusal/resource-metadata';
import type { Log } from '../../telemetry/log';
import { listen } from '../listening/listen';

/** Where metadata of protected resources are served. */
export interface ResourceMetadataAddress {
  readonly host: string;
  readonly port: number;
}

/**
 * Serves metadata of protected resources, for gateways that pass these paths here. It is an address of its own: an answer
 * with 200 where gateways ask for decisions would be a permission. Resolves with the server when it listens.
 *
 * @param find - returns the metadata whose document is at a path
 * @throws the error of `listen(2)`
 * @see RFC 9728 §3
 */
export function serveResourceMetadata(
  { host, port }: ResourceMetadataAddress,
  find: (path: string) => ResourceMetadata | undefined,
  log: Log,
): Promise<Server> {
  const server = createServer(({ method = '', url = '' }, response) => {
    const requestPath = url.split('?', 1)[0] ?? '';
    const metadata = find(requestPath);
    const answer = metadataAnswer(metadata, { method, requestPath });
    if (answer === undefined) response.writeHead(metadata === undefined ? 404 : 405).end();
    else response.writeHead(answer.status, answer.headers).end(answer.body);
  });
  return listen(server, { host, port }, log);
}
