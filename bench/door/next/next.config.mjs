import { fileURLToPath } from 'node:url';

/** @type {import('next').NextConfig} */
export default {
  // Where Next.js itself is: in the example's folder, in which the benchmark puts this one.
  turbopack: { root: fileURLToPath(new URL('..', import.meta.url)) },
  poweredByHeader: false,
};
