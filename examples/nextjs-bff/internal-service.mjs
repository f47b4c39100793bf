// A service behind the BFF. It believes a signed identity only: from the BFF, or later from Kong, and from nobody else.
//
//     node internal-service.mjs NAME PORT JWKS_FILE
import { createServer } from 'node:http';
import { createGuard, requireIdentity } from 'kong-plugin-jwt-identity/guard';
import { gatewayIdentityToken } from 'kong-plugin-jwt-identity/guard/identity-token';

const [name, port, jwksFile] = process.argv.slice(2);
const proof = gatewayIdentityToken({ issuer: 'https://shop.example.com', audience: name, jwksFile });
const guard = createGuard({ proofs: [proof] });
let filled = 0;

const listener = guard.listener((request, response, caller) => {
  if (request.url === '/events') return sendEvents(response);
  if (request.url === '/upload') return countBytes(request, response);
  if (request.method === 'POST') filled += 1;
  const told = Object.keys(request.headers).filter((header) => /^(x-|cookie|authorization)/.test(header));
  answer(response, { service: name, filled, caller, told });
}, requireIdentity());

/** Three events, each when the one before has had the time to arrive. */
function sendEvents(response) {
  response.writeHead(200, { 'Content-Type': 'text/event-stream' });
  let sent = 0;
  const timer = setInterval(() => {
    sent += 1;
    response.write(`data: event ${sent}\n\n`);
    if (sent === 3) response.end();
  }, 300);
  response.on('close', () => {
    clearInterval(timer);
    if (sent < 3) console.log(`${name}: the listener went away`);
  });
}

function countBytes(request, response) {
  let bytes = 0;
  request.on('data', (chunk) => {
    if (bytes === 0) console.log(`${name}: an upload begins`);
    bytes += chunk.length;
  });
  request.on('end', () => answer(response, { service: name, bytes }));
}

function answer(response, value) {
  response.setHeader('Content-Type', 'application/json');
  response.end(JSON.stringify(value));
}

const server = createServer(listener).listen(Number(port), '127.0.0.1', () => {
  console.log(`${name} listens on ${server.address().port}`);
});
