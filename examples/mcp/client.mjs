/**
 * A client of the Model Context Protocol that knows nothing but the URL of the server. The SDK does the rest: it is
 * rejected, reads where the metadata is, finds the authorization server, registers, and gets a token for this resource.
 * Only the browser is played by this program: it follows the pages of the login.
 *
 * Usage: node client.mjs http://127.0.0.1:8000/mcp [name to log in with]
 */
import { Client } from '@modelcontextprotocol/sdk/client/index.js';
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js';
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js';

const [url, user = 'ada'] = process.argv.slice(2);
const REDIRECT = 'http://127.0.0.1:9/callback';

/** What a client remembers between its start and the end of the login. */
class Session {
  redirectUrl = REDIRECT;
  clientMetadata = {
    client_name: 'example',
    redirect_uris: [REDIRECT],
    grant_types: ['authorization_code'],
    response_types: ['code'],
    token_endpoint_auth_method: 'none',
  };
  #client;
  #tokens;
  #verifier;
  clientInformation = () => this.#client;
  saveClientInformation = (client) => void (this.#client = client);
  tokens = () => this.#tokens;
  saveTokens = (tokens) => void (this.#tokens = tokens);
  saveCodeVerifier = (verifier) => void (this.#verifier = verifier);
  codeVerifier = () => this.#verifier;
  redirectToAuthorization = async (address) => {
    console.log(`authorization at ${address.origin} for ${address.searchParams.get('resource')}`);
    console.log(`scope: ${address.searchParams.get('scope')}`);
    this.code = await logIn(address);
  };
}

/** Follows the pages of the login as a browser would: every form is filled in and sent. */
async function logIn(start) {
  const cookies = new Map();
  let address = new URL(start);
  let form;
  for (let page = 0; page < 20; page += 1) {
    const response = await fetch(address, {
      redirect: 'manual',
      headers: { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') },
      ...(form && { method: 'POST', body: form }),
    });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';', 1)[0].split('=');
      cookies.set(name, value);
    }
    const location = response.headers.get('location');
    if (location !== null) {
      address = new URL(location, address);
      form = undefined;
      if (address.href.startsWith(REDIRECT)) return address.searchParams.get('code');
      continue;
    }
    const text = await response.text();
    const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1];
    if (action === undefined) throw new Error(`no form at ${address.pathname} (${response.status})`);
    const prompt = /name="prompt"[^>]*value="([^"]+)"/.exec(text)?.[1] ?? 'login';
    form = new URLSearchParams({ prompt, login: user, password: 'any' });
    address = new URL(action, address);
  }
  throw new Error('the login does not end');
}

const session = new Session();
const connect = async () => {
  const client = new Client({ name: 'example', version: '1.0.0' });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: session });
  await client.connect(transport);
  return client;
};

let client;
try {
  client = await connect();
} catch (error) {
  if (!(error instanceof UnauthorizedError)) throw error;
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: session });
  await transport.finishAuth(session.code);
  client = await connect();
}
const { content } = await client.callTool({ name: 'whoami' });
console.log(content[0].text);
await client.close();
