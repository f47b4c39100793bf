// A naive service: it answers with the headers that it received. node examples/gateways/service.mjs [PORT]
import { createServer } from 'node:http';

const port = Number(process.argv[2] ?? 8081);
createServer((request, response) => {
  const { method, url, headers } = request;
  response.setHeader('Content-Type', 'application/json');
  response.end(`${JSON.stringify({ method, url, headers }, undefined, 2)}\n`);
}).listen(port, process.env.HOST ?? '127.0.0.1');
