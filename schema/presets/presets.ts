import { AUTH0 } from './auth0';
import { CLERK } from './clerk';
import { COGNITO } from './cognito';
import { ENTRA } from './entra';
import { FIREBASE } from './firebase';
import { GITHUB_ACTIONS } from './github-actions';
import { GOOGLE } from './google';
import { KEYCLOAK } from './keycloak';
import { KUBERNETES } from './kubernetes';
import { OIDC } from './oidc';
import { OKTA } from './okta';
import type { Preset } from './preset';
import type { Provider } from './providers';
import { SPIFFE } from './spiffe';
import { SUPABASE } from './supabase';
import { ZITADEL } from './zitadel';

/** The presets by their names in the configuration (`provider`). */
export const PRESETS: Readonly<Record<Provider, Preset>> = {
  auth0: AUTH0,
  clerk: CLERK,
  cognito: COGNITO,
  entra: ENTRA,
  firebase: FIREBASE,
  'github-actions': GITHUB_ACTIONS,
  google: GOOGLE,
  keycloak: KEYCLOAK,
  kubernetes: KUBERNETES,
  oidc: OIDC,
  okta: OKTA,
  spiffe: SPIFFE,
  supabase: SUPABASE,
  zitadel: ZITADEL,
};
