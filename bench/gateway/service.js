'use strict';

/** A service that answers at once. Prints its port; ends with its parent. */
const { createServer } = require('node:http');

const server = createServer((request, response) => {
  response.end('ok');
});
server.keepAliveTimeout = 0;
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${server.address().port}\n`);
});
process.on('disconnect', () => process.exit(0));
