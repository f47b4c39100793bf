import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { answerJson, isAddressedToUs, readBody } from '../http-answer';
import { REPOSITORY } from '../kong-file';
import { listen, type Listening } from '../listen';
import { PageRequestError, type PageActions } from './page-actions';

const FOLDER = join(REPOSITORY, 'examples/demo/page');

const FILES: Readonly<Record<string, { readonly file: string; readonly type: string }>> = {
  '/': { file: 'index.html', type: 'text/html' },
  '/page.css': { file: 'page.css', type: 'text/css' },
  ...Object.fromEntries(
    ['page', 'story', 'token', 'results'].map((name) => [
      `/${name}.js`,
      { file: `${name}.js`, type: 'text/javascript' },
    ]),
  ),
};

/** Nothing from elsewhere, nothing to elsewhere: a token in this page stays on this machine. */
const SECURITY_HEADERS = {
  'Content-Security-Policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Referrer-Policy': 'no-referrer',
  'X-Content-Type-Options': 'nosniff',
};

/** Starts the server of the page. It serves this machine's browsers only, and no other site's pages in them. */
export function startPage(port: number, actions: PageActions): Promise<Listening> {
  const files = new Map(Object.entries(FILES).map(([path, { file }]) => [path, readFileSync(join(FOLDER, file))]));
  const server = createServer((request, response) => {
    answer(request, response, files, actions).catch((error: unknown) => {
      if (error instanceof PageRequestError) answerJson(response, 400, { error: error.message });
      else response.destroy();
    });
  });
  return listen(server, port, 'page');
}

async function answer(
  request: IncomingMessage,
  response: ServerResponse,
  files: ReadonlyMap<string, Buffer>,
  actions: PageActions,
): Promise<void> {
  const { method, url = '' } = request;
  if (!isAddressedToUs(request)) {
    answerJson(response, 421, { error: 'This server has another name.' });
    return;
  }
  const file = files.get(url);
  if (file !== undefined && (method === 'GET' || method === 'HEAD')) {
    const type = `${FILES[url]?.type ?? ''}; charset=utf-8`;
    response.writeHead(200, { ...SECURITY_HEADERS, 'Content-Type': type, 'Cache-Control': 'no-store' });
    response.end(file);
    return;
  }
  const action = Object.hasOwn(actions, url.slice(1)) ? actions[url.slice(1) as keyof PageActions] : undefined;
  if (method !== 'POST' || action === undefined) {
    answerJson(response, 404, { error: 'There is nothing here.' });
    return;
  }
  // A page of another site can make a browser send this, but not with this page's origin.
  if (request.headers.origin !== `http://${request.headers.host ?? ''}`) {
    answerJson(response, 403, { error: 'Only this page may ask.' });
    return;
  }
  answerJson(response, 200, await action(await readBody(request)), SECURITY_HEADERS);
}
