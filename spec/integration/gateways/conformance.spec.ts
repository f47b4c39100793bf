import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { CONFORMANCE, NEEDS_KONG, prepare, type ConformanceCase, type PreparedCase } from '../../support/conformance';
import { expectOutcome, type ConformanceOutcome } from '../../support/conformance-outcome';
import { startEchoService, type EchoService, type Received } from '../../support/echo-service';
import { describeGateway } from '../../support/gateways/describe-gateway';
import { startGateway, type RunningGateway } from '../../support/gateways/gateway-process';
import { type LocalDecisions, startLocalDecisions } from '../../support/gateways/local-decisions';
import { SHIPPED_GATEWAYS } from '../../support/gateways/shipped-gateways';
import { KNOWN_DIFFERENCES } from '../../support/gateways/known-differences';

/** Sends a case's request line by line, as it stands there. */
function ask({ host, port }: RunningGateway, { method, query, lines }: PreparedCase): Promise<ConformanceOutcome> {
  const headers = ['Host', 'api.test', ...lines.flat()];
  const path = `/orders${query === undefined ? '' : `?${query}`}`;
  return new Promise((resolve, reject) => {
    httpRequest({ host, port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const status = response.statusCode ?? 0;
        if (status !== 200) {
          const entries = Object.entries(response.headers).map(([name, value]): [string, string] => [
            name,
            String(value),
          ]);
          resolve({ response: { status, headers: new Headers(entries), body: parsed(text) } });
          return;
        }
        const { rawHeaders, url } = JSON.parse(text) as Received;
        const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ''] as const] : []));
        const setCookies = response.headers['set-cookie'];
        resolve({ serviceHeaders: pairs, query: url.split('?')[1] ?? '', setCookies });
      });
    })
      .on('error', reject)
      .end();
  });
}

/** The headers of {@link SHIPPED_HEADERS} are in the shipped files; those of the other cases are added, as their comments say. */
const SHIPPED_HEADERS = ['X-User-ID', 'X-User-Roles', 'X-User-Name', 'Authorization', 'Sec-WebSocket-Protocol'];
const ADDED = [
  ...new Set(
    CONFORMANCE.flatMap(({ config = {} }) => {
      const { identity_headers: written = [], header_names: tokens = [] } = config as {
        identity_headers?: readonly { readonly header: string }[];
        header_names?: readonly string[];
      };
      return [...written.map(({ header }) => header), ...tokens];
    }),
  ),
].filter((header) => !SHIPPED_HEADERS.some((shipped) => shipped.toLowerCase() === header.toLowerCase()));

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

for (const shipped of SHIPPED_GATEWAYS) {
  describeGateway(shipped, 'with the files in examples/gateways', () => {
    let service: EchoService;
    let decisions: LocalDecisions;
    let gateway: RunningGateway;
    beforeAll(async () => {
      service = await startEchoService();
      decisions = await startLocalDecisions(shipped.name, shipped.strips);
      gateway = await startGateway(
        shipped,
        { decisions: decisions.address, service: { host: '127.0.0.1', port: service.port } },
        (text) => ADDED.reduce((changed, header) => shipped.withHeader(changed, header), text),
      );
    }, 60_000);
    afterAll(async () => {
      await gateway.stop();
      await decisions.stop();
      await service.stop();
    });

    it.each(CONFORMANCE.map((each) => [each.name, each] as const))(
      'answers %s as everybody does',
      async (name, each) => {
        const difference = KNOWN_DIFFERENCES[shipped.name][name];
        if (difference?.refusedAtStart !== undefined) {
          const { config } = await prepare(each);
          expect(() => {
            decisions.use(config);
          }).toThrow(difference.refusedAtStart);
          return;
        }
        const expected: ConformanceCase = { ...each, ...(difference?.expected && { expected: difference.expected }) };
        const prepared = await prepare(expected);
        decisions.use(prepared.config);
        const before = service.received.length;
        const outcome = await ask(gateway, prepared);
        if (difference?.status !== undefined) {
          // The gateway's own answer.
          expect(outcome).toMatchObject({ response: { status: difference.status } });
        } else {
          expectOutcome(prepared, outcome);
        }
        expect(service.received.length - before).toBe('response' in outcome ? 0 : 1);
      },
    );

    it.each(NEEDS_KONG.map((fields) => [Object.keys(fields)[0]!, fields] as const))(
      'refuses a policy with %s at the start',
      async (field, fields) => {
        const { config } = await prepare({ ...CONFORMANCE[0]!, config: fields });
        expect(() => {
          decisions.use(config);
        }).toThrow(`policies.orders.config.${field}: needs Kong: `);
      },
    );
  });
}
