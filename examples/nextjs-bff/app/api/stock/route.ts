import { stockGatekeeper } from '../../../lib/gatekeeper';
import { settings } from '../../../lib/settings';

/** Directly: this handler is the gateway, so it decides as Kong would, and sends what Kong would send. */
async function handle(request: Request): Promise<Response> {
  const decision = await stockGatekeeper().decide(request);
  if (decision.outcome === 'refuse') return decision.response;
  const { method } = request;
  const response = await fetch(`${settings.stock}/stock`, {
    method,
    headers: decision.identityHeaders,
    cache: 'no-store',
  });
  return new Response(response.body, {
    status: response.status,
    headers: { 'Content-Type': response.headers.get('Content-Type') ?? '', 'Cache-Control': 'no-store' },
  });
}

export { handle as GET, handle as POST };
