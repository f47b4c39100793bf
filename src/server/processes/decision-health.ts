import { request } from 'node:http';
import { connect } from 'node:http2';
import type { DecisionAddress } from '../decisions/decision-server';
import { HEALTH_STATUS, HEALTH_URL } from '../decisions/http-server';
import { requireTrustedSocket } from './socket-path';

/**
 * Asks a decision server whether one of its workers answers. An accepted connection alone proves nothing: the system
 * accepts it also when every worker is stuck.
 *
 * @param timeoutMs - how long the whole exchange may take, in milliseconds
 * @returns how many policies the worker has; `undefined` for a server of gRPC, which is only asked for a sign of life
 * @throws SocketPathError when another user may be listening on the socket; Error when nobody answers, or not like this
 */
export async function askDecisionServer(
  address: DecisionAddress,
  isGrpc: boolean,
  timeoutMs: number,
): Promise<number | undefined> {
  if ('path' in address) requireTrustedSocket(address.path);
  return isGrpc ? askGrpc(address, timeoutMs) : askHttp(address, timeoutMs);
}

function askHttp(address: DecisionAddress, timeoutMs: number): Promise<number> {
  const where = 'path' in address ? { socketPath: address.path } : address;
  return new Promise((resolve, reject) => {
    const strange = new Error('the answer is not one of a decision server');
    const asked = request({ ...where, path: HEALTH_URL, agent: false }, (response) => {
      let body = '';
      response.on('data', (chunk: Buffer) => {
        body += chunk.toString();
        if (body.length > 1024) asked.destroy(strange);
      });
      response.on('end', () => {
        clearTimeout(timer);
        const [, policies] = /^{"policies":(\d+)}$/.exec(body) ?? [];
        if (response.statusCode === HEALTH_STATUS && policies !== undefined) resolve(Number(policies));
        else reject(strange);
      });
    });
    const timer = setTimeout(() => asked.destroy(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs);
    asked.on('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    asked.end();
  });
}

function askGrpc(address: DecisionAddress, timeoutMs: number): Promise<undefined> {
  const url = 'path' in address ? 'http://decisions' : `http://${hostText(address.host)}:${address.port}`;
  return new Promise((resolve, reject) => {
    const session = connect(url, 'path' in address ? { path: address.path } : {});
    const timer = setTimeout(() => {
      session.destroy(new Error(`no answer within ${timeoutMs} ms`));
    }, timeoutMs);
    session.on('error', reject);
    session.on('close', () => {
      clearTimeout(timer);
      reject(new Error('the connection was closed without an answer'));
    });
    session.on('connect', () => {
      session.ping((error: Error | null | undefined) => {
        if (error === null || error === undefined) resolve(undefined);
        session.destroy();
      });
    });
  });
}

function hostText(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
