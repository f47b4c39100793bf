import { createLogoutHandler } from 'kong-plugin-jwt-identity/bff';
import { settings } from '../../lib/settings';

let handle: ((request: Request) => Promise<Response>) | undefined;

/** The provider tells here that a session ended. The gatekeeper reads the list that this writes. */
export function POST(request: Request): Promise<Response> {
  handle ??= createLogoutHandler({
    issuers: [{ issuer: settings.issuer, audiences: [settings.clientId], discovery: true }],
    revocation_lists: [{ file: settings.loggedOut }],
  });
  return handle(request);
}
