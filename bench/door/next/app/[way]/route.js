/** The ways of bench/door/handlers.js in a route handler of Next.js, loaded as they are: not by its bundler. */
const { createRequire } = process.getBuiltinModule('node:module');
let handlers;

export async function GET(request, { params }) {
  handlers ??= createRequire(`${process.cwd()}/`)(process.env.HANDLERS);
  const { way } = await params;
  return handlers[way](request);
}
export const dynamic = 'force-dynamic';
