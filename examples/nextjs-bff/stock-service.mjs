// A service that believes Kong and the BFF, because both sign what they say, and nobody else.
//
//     node stock-service.mjs PORT JWKS_FILE
import { createServer } from 'node:http';
import { createGuard, requireIdentity } from 'kong-plugin-jwt-identity/guard';
import { gatewayIdentityToken } from 'kong-plugin-jwt-identity/guard/identity-token';

const [port, jwksFile] = process.argv.slice(2);
const proof = gatewayIdentityToken({ issuer: 'https://shop.example.com', audience: 'stock', jwksFile });
const guard = createGuard({ proofs: [proof] });
let teapots = 3;

const listener = guard.listener((request, response, caller) => {
  if (request.method === 'POST') teapots += 1;
  const told = Object.keys(request.headers).filter((name) => /^(x-|cookie|authorization)/.test(name));
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify({ teapots, caller, told }));
}, requireIdentity());

const server = createServer(listener).listen(Number(port), '127.0.0.1', () => {
  console.log(`stock listens on ${server.address().port}`);
});
