import { type Agent, request } from 'node:http';

/** Sends a GET request. Returns the status of the answer; 0 when there was none within 20 seconds. */
export function statusOf(url: string, headers: Readonly<Record<string, string>>, agent: Agent): Promise<number> {
  return new Promise((resolve) => {
    const outgoing = request(url, { agent, headers, timeout: 20_000 }, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode ?? 0);
      });
    });
    outgoing.on('timeout', () => outgoing.destroy());
    outgoing.on('error', () => {
      resolve(0);
    });
    outgoing.end();
  });
}

/** Does something so many times, by so many clients at once. */
export async function crowd(clients: number, times: number, act: () => Promise<void>): Promise<void> {
  let left = times;
  const client = async (): Promise<void> => {
    while (left-- > 0) await act();
  };
  await Promise.all(Array.from({ length: clients }, client));
}
