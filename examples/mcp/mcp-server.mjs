/**
 * A Model Context Protocol server with one tool. It knows no token: who is calling stands in X-User-ID, which only the
 * gateway can set. In production, nothing but the gateway may reach it.
 *
 * Usage: node mcp-server.mjs PORT
 */
import { createServer } from 'node:http';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const [port] = process.argv.slice(2);

const http = createServer((request, response) => {
  // Stateless: each request has a server of its own, which knows its caller.
  const caller = request.headers['x-user-id'] ?? 'nobody';
  const server = new McpServer({ name: 'orders', version: '1.0.0' });
  server.registerTool('whoami', { description: 'Says who is calling' }, () => ({
    content: [{ type: 'text', text: `You are ${caller}. Token: ${request.headers.authorization ?? 'none'}.` }],
  }));
  const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: undefined });
  response.on('close', () => {
    void transport.close();
    void server.close();
  });
  server
    .connect(transport)
    .then(() => transport.handleRequest(request, response))
    .catch(() => {
      if (!response.headersSent) response.writeHead(500);
      response.end();
    });
});
http.listen(Number(port), '127.0.0.1', () => {
  console.log(`MCP server: http://127.0.0.1:${http.address().port}`);
});
