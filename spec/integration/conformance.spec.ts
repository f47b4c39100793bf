import { request as httpRequest } from 'node:http';
import { afterAll, beforeAll, it } from '@jest/globals';
import { CONFORMANCE, prepare, type PreparedCase } from '../support/conformance';
import { expectOutcome, type ConformanceOutcome } from '../support/conformance-outcome';
import { startEchoService, type EchoService, type Received } from '../support/echo-service';
import { startKong, type Kong } from '../support/kong';
import { describeKong } from '../support/kong-target';

let service: EchoService;
let kong: Kong;
let cases: readonly PreparedCase[];
/** Sends a case's request line by line, as it stands there. */
function askGateway({ method, query, lines }: PreparedCase, index: number): Promise<ConformanceOutcome> {
  const headers = ['Host', 'api.test', ...lines.flat()];
  const path = `/case-${index}${query === undefined ? '' : `?${query}`}`;
  return new Promise((resolve, reject) => {
    httpRequest({ host: kong.host, port: kong.port, method, path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => {
        const body = JSON.parse(text) as unknown;
        const status = response.statusCode ?? 0;
        if (status !== 200) {
          resolve({ response: { status, headers: new Headers(response.headers as Record<string, string>), body } });
          return;
        }
        const { rawHeaders, url } = body as Received;
        const pairs = rawHeaders.flatMap((name, i) => (i % 2 === 0 ? [[name, rawHeaders[i + 1] ?? ''] as const] : []));
        const setCookies = response.headers['set-cookie'];
        resolve({ serviceHeaders: pairs, query: url.split('?')[1] ?? '', setCookies });
      });
    })
      .on('error', reject)
      .end();
  });
}

describeKong('the plugin behind a gateway', () => {
  beforeAll(async () => {
    service = await startEchoService();
    cases = await Promise.all(CONFORMANCE.map((each) => prepare(each)));
    const routes = cases.map(({ config }, index) => ({
      name: `case-${index}`,
      paths: [`/case-${index}`],
      plugins: [{ name: 'jwt-identity', config }],
    }));
    // JSON is YAML.
    const declarativeConfig = JSON.stringify({ _format_version: '3.0', services: [{ url: service.url, routes }] });
    kong = await startKong({ declarativeConfig });
  }, 120_000);
  afterAll(async () => {
    await kong.stop();
    await service.stop();
  });

  it.each(CONFORMANCE.map(({ name }, index) => [name, index] as const))(
    'answers %s as everybody does',
    async (_, index) => {
      const each = cases[index]!;
      expectOutcome(each, await askGateway(each, index));
    },
  );
});
