import { readFileSync } from 'node:fs';
import { createGatekeeper, routeConfig, type Gatekeeper } from 'kong-plugin-jwt-identity/bff';
import { SESSION_COOKIE } from './session';
import { settings } from './settings';

let gatekeeper: Gatekeeper | undefined;

/** Kong's decision about the stock, without Kong. Made when it is first needed: a build has no keys. */
export function stockGatekeeper(): Gatekeeper {
  gatekeeper ??= createGatekeeper(routeConfig(readFileSync(settings.kongYml, 'utf8'), 'stock'), {
    session: { cookie: SESSION_COOKIE, origin: settings.origin },
    signingKeys: settings.signingKeys,
  });
  return gatekeeper;
}
