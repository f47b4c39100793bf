import { shopDoor } from '../../../lib/door';

/** The only way to the services: every method, every path below /api. What has no route in kong.yml is not found. */
const handle = (request: Request): Promise<Response> => shopDoor()(request);

export {
  handle as GET,
  handle as HEAD,
  handle as POST,
  handle as PUT,
  handle as PATCH,
  handle as DELETE,
  handle as OPTIONS,
};
export const dynamic = 'force-dynamic';
