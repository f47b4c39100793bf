/**
 * Environment variable with a text that differs after each start of the plugin server and is the same in all of its
 * processes. The handler inside Kong's worker forgets the answers of an earlier start by it.
 */
export const SERVER_START_VARIABLE = 'KONG_JWT_IDENTITY_SERVER_START';
