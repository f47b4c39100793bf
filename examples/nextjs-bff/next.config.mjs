import { fileURLToPath } from 'node:url';

/** @type {import('next').NextConfig} */
export default {
  // It reads files and keeps keys and verified tokens in memory: the server loads it as it is.
  serverExternalPackages: ['kong-plugin-jwt-identity', 'openid-client'],
  turbopack: { root: fileURLToPath(new URL('.', import.meta.url)) },
  poweredByHeader: false,
};
