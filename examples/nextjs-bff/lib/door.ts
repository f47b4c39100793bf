import { readFileSync } from 'node:fs';
import { createDoor, createGatekeeper, routeConfig, type Door, type Gatekeeper } from 'kong-plugin-jwt-identity/bff';
import { sessions } from './session';
import { settings } from './settings';

let door: Door | undefined;
let own: Gatekeeper | undefined;

/** The gateway of the shop. Made when it is first needed: a build has no keys. */
export function shopDoor(): Door {
  const { origin, kongYml, services, signingKeys } = settings;
  door ??= createDoor({
    kongYml: readFileSync(kongYml, 'utf8'),
    session: { origin, open: (request) => sessions().open(request) },
    services,
    signingKeys,
    loginPath: '/login',
  });
  return door;
}

/** The decision of the route `orders`, for pages of the BFF's own. */
export function gatekeeper(): Gatekeeper {
  own ??= createGatekeeper(routeConfig(readFileSync(settings.kongYml, 'utf8'), 'orders'));
  return own;
}
