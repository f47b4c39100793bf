import { version } from '../../package.json';

/** What this gateway calls itself where Kong says `kong/3.9.3`: in `Server` and `Via`. */
export const PRODUCT = `kong-jwt-identity-dev/${version}`;
