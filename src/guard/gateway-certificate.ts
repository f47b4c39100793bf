import type { X509Certificate } from 'node:crypto';
import type { TLSSocket } from 'node:tls';
import { Refusal } from '../core/refusal/refusal';
import type { GatewayProof, GuardedRequest } from './gateway-proof';

/**
 * Takes a request for the gateway's when it came over TLS from somebody who showed the gateway's certificate: one that
 * the server's CAs vouch for and that is made out to `name`, a DNS name among its subject alternative names. The CA may
 * have made certificates for others: the name is what tells the gateway from them. The server must ask for a certificate
 * (`requestCert: true`) and trust only CAs that may speak for the gateway (`ca`).
 *
 * @see RFC 9525 §6
 */
export function gatewayCertificate(name: string): GatewayProof {
  return ({ socket }) =>
    hasCertificateFor(socket, name) ? undefined : new Refusal('not_from_gateway', 'no certificate of the gateway');
}

function hasCertificateFor(socket: GuardedRequest['socket'], name: string): boolean {
  if (!isTls(socket) || !socket.authorized) return false;
  const certificate: X509Certificate | undefined = socket.getPeerX509Certificate();
  return certificate?.checkHost(name, { subject: 'never', wildcards: false }) !== undefined;
}

function isTls(socket: GuardedRequest['socket']): socket is TLSSocket {
  return (socket as Partial<TLSSocket> | undefined)?.encrypted === true;
}
