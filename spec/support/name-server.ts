import { createSocket, type Socket } from 'node:dgram';

/**
 * Starts a name server on 127.0.0.53 that answers 127.0.0.1 for the names that are given and never says anything about
 * others (RFC 1035 §4). For a network namespace of one's own.
 */
export function startNameServer(names: readonly string[]): Promise<Socket> {
  const server = createSocket('udp4', (query, { port, address }) => {
    const end = query.indexOf(0, 12);
    const labels: string[] = [];
    for (let at = 12; at < end; at += 1 + (query[at] ?? 0)) {
      labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)));
    }
    if (!names.includes(labels.join('.'))) return;
    const question = query.subarray(12, end + 5);
    const isA = question.readUInt16BE(question.length - 4) === 1;
    const header = Buffer.from([...query.subarray(0, 2), 0x81, 0x80, 0, 1, 0, isA ? 1 : 0, 0, 0, 0, 0]);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4, 127, 0, 0, 1]);
    server.send(Buffer.concat([header, question, ...(isA ? [answer] : [])]), port, address);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.bind(53, '127.0.0.53', () => {
      resolve(server);
    });
  });
}
