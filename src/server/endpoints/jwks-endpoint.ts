import { createServer, type Server } from 'node:http';
import type { Log } from '../../telemetry/log';
import { listen } from '../listening/listen';

/** Where the gateway's public keys are served. */
export interface JwksAddress {
  readonly host: string;
  readonly port: number;
}

/** Where in a URL they are. */
export const JWKS_PATH = '/.well-known/jwks.json';

/** A verifier asks again when a token names a key that it does not know, so this may be long. */
const MAX_AGE_SECONDS = 300;

/**
 * Serves the gateway's public keys. Resolves with the server when it listens.
 *
 * @param keySet - returns the JWK set as JSON; public keys only
 * @throws the error of `listen(2)`
 * @see RFC 7517 §8.5.2 (media type)
 */
export function serveJwks({ host, port }: JwksAddress, keySet: () => string, log: Log): Promise<Server> {
  const server = createServer((request, response) => {
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (!isRead || request.url !== JWKS_PATH) {
      response.writeHead(isRead ? 404 : 405).end();
      return;
    }
    const headers = {
      'Content-Type': 'application/jwk-set+json',
      'Cache-Control': `public, max-age=${MAX_AGE_SECONDS}`,
    };
    response.writeHead(200, headers).end(keySet());
  });
  return listen(server, { host, port }, log);
}
