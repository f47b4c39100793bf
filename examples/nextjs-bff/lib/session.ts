import { createLoginAttempts, createSessions, type LoginAttempts, type Sessions } from 'kong-plugin-jwt-identity/bff';
import { renewed } from './provider';
import { settings } from './settings';

let own: Sessions | undefined;
let attempts: LoginAttempts | undefined;

/** Made when they are first needed: a build has no secrets. */
export function sessions(): Sessions {
  own ??= createSessions({ origin: settings.origin, secrets: settings.secrets, refresh: renewed });
  return own;
}

export function loginAttempts(): LoginAttempts {
  attempts ??= createLoginAttempts(settings.secrets);
  return attempts;
}
