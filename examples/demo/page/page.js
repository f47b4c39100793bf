/**
 * The page of the demo. Everything that comes from a request, a token or an answer is written with `textContent`: it is
 * text, whatever it holds.
 */

/**
 * @typedef {[name: string, value: string]} HeaderLine
 * @typedef {{ title: string, note: string, user?: string, kind?: string, target?: string, method?: string,
 *   path?: string, headers?: HeaderLine[], claims?: (claims: any) => void }} Step
 */

/** @type {Step[]} */
const STORY = [
  {
    title: 'Alice reads her orders',
    note: 'She logged in and got a token. The gateway checks it and tells the service who she is. The token itself stays behind.',
    user: 'alice',
  },
  {
    title: 'Somebody has no token',
    note: 'The service never hears of this request.',
    user: '',
  },
  {
    title: 'Alice says she is Carol',
    note: 'Alice has a good token and writes the internal headers herself. They are replaced by what her token says.',
    user: 'alice',
    headers: [
      ['X-User-ID', 'carol'],
      ['X-User-Roles', 'admin'],
    ],
  },
  {
    title: 'She spells it X_User_ID',
    note: 'Many servers read X_User_ID and X-User-ID as the same header, and Kong lets both pass. The plugin removes every such spelling.',
    user: 'alice',
    headers: [
      ['X_User_ID', 'carol'],
      ['x_USER_roles', 'admin'],
    ],
  },
  {
    title: 'Alice tries the admin route',
    note: 'Who she is was verified. It is not enough: the route asks for the role admin.',
    user: 'alice',
    path: '/admin',
  },
  {
    title: 'Carol tries the admin route',
    note: 'Carol has the role. The service is told so and asks nothing.',
    user: 'carol',
    path: '/admin',
  },
  {
    title: 'Alice makes herself admin',
    note: 'She changes the roles in her own token. The signature does not fit any more, and the answer does not say so: it would only help a guesser.',
    user: 'alice',
    path: '/admin',
    claims: (claims) => {
      claims.roles = ['admin'];
    },
  },
  {
    title: 'A token has expired',
    note: 'It was genuine, so its holder is told why it is refused.',
    user: 'alice',
    kind: 'expired',
  },
  {
    title: 'A stranger signs a token',
    note: 'It says everything that a good token says, even the name of the provider’s key.',
    user: 'carol',
    kind: 'stranger',
    path: '/admin',
  },
  {
    title: 'Alice abuses Connection',
    note: 'Kong removes headers that Connection names, after all plugins: the identity would be gone. Such a request is refused.',
    user: 'alice',
    headers: [['Connection', 'close, X-User-ID']],
  },
  {
    title: 'The catalog is for everybody',
    note: 'This route lets requests without a token pass, unidentified: forged headers are removed all the same.',
    user: '',
    path: '/catalog',
    headers: [['X-User-ID', 'carol']],
  },
  {
    title: 'Around the gateway',
    note: 'The service believes its headers, so it must not be reachable: it talks to the gateway’s address only.',
    user: '',
    target: 'orders',
    headers: [['X-User-ID', 'carol']],
  },
];

const $ = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

/** Makes an element. Text is only ever text. */
function element(/** @type {string} */ name, { text = '', className = '' } = {}, /** @type {Node[]} */ ...children) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  made.append(...children);
  return made;
}

/** Asks the page's own server, which is on this machine. */
async function ask(/** @type {string} */ action, /** @type {object} */ body = {}) {
  const response = await fetch(action, { method: 'POST', body: JSON.stringify(body) });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// --- the token -------------------------------------------------------------------------------------------------------

function toBase64url(/** @type {string} */ text) {
  const bytes = new TextEncoder().encode(text);
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
}

function fromBase64url(/** @type {string} */ text) {
  const bytes = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  return new TextDecoder('utf-8', { fatal: true }).decode(Uint8Array.from(bytes, (char) => char.charCodeAt(0)));
}

function showClaims() {
  const [, payload = ''] = $('token').value.trim().split('.');
  try {
    $('claims').value = JSON.stringify(JSON.parse(fromBase64url(payload)), null, 2);
  } catch {
    $('claims').value = '';
  }
}

function encodeClaims() {
  const [header = '', , signature = ''] = $('token').value.trim().split('.');
  let claims = $('claims').value;
  try {
    claims = JSON.stringify(JSON.parse(claims));
  } catch {
    // Sent as it is: a token can hold anything.
  }
  $('token').value = [header, toBase64url(claims), signature].join('.');
}

async function getToken() {
  const user = $('user').value;
  $('token').value = user === '' ? '' : (await ask('token', { user, kind: $('kind').value })).token;
  showClaims();
}

// --- the request -----------------------------------------------------------------------------------------------------

let headerLines = 0;

function addHeader(/** @type {HeaderLine} */ [name, value]) {
  headerLines += 1;
  const line = element('div', { className: 'header-line' });
  const nameField = /** @type {HTMLInputElement} */ (element('input'));
  const valueField = /** @type {HTMLInputElement} */ (element('input'));
  for (const [field, label, text] of /** @type {const} */ ([
    [nameField, `Header ${headerLines}, name`, name],
    [valueField, `Header ${headerLines}, value`, value],
  ])) {
    field.value = text;
    field.spellcheck = false;
    field.autocomplete = 'off';
    field.setAttribute('autocapitalize', 'off');
    field.setAttribute('aria-label', label);
  }
  nameField.placeholder = 'X-User-ID';
  valueField.placeholder = 'carol';
  const remove = /** @type {HTMLButtonElement} */ (element('button', { text: '×' }));
  remove.type = 'button';
  remove.setAttribute('aria-label', `Remove header ${headerLines}`);
  remove.addEventListener('click', () => {
    line.remove();
    $('add-header').focus();
  });
  line.append(nameField, valueField, remove);
  $('headers').append(line);
  return nameField;
}

function requestHeaders() {
  const token = $('token').value.trim();
  const lines = [...$('headers').children].map((line) =>
    [...line.querySelectorAll('input')].map((field) => field.value.trim()),
  );
  const given = lines.filter(([name]) => name !== '');
  return token === '' ? given : [['Authorization', `Bearer ${token}`], ...given];
}

/** @type {Promise<void>} */
let last = Promise.resolve();

/** Does one thing after the other, and says what came of each or what went wrong. */
function inTurn(/** @type {() => Promise<string>} */ work) {
  $('status').textContent = '';
  last = last.then(async () => {
    try {
      $('status').textContent = await work();
    } catch (error) {
      $('status').textContent = `That did not work: ${error instanceof Error ? error.message : String(error)}`;
    }
  });
}

async function sendRequest() {
  const exchange = await ask('send', {
    target: $('target').value,
    method: $('method').value,
    path: $('path').value,
    headers: requestHeaders(),
  });
  show(exchange);
  return outcome(exchange).text;
}

async function takeStep(/** @type {Step} */ step, /** @type {HTMLElement} */ button) {
  for (const other of document.querySelectorAll('#story button')) other.removeAttribute('aria-current');
  button.setAttribute('aria-current', 'step');
  $('note').textContent = step.note;
  $('user').value = step.user ?? '';
  $('kind').value = step.kind ?? 'good';
  $('target').value = step.target ?? 'gateway';
  $('method').value = step.method ?? 'GET';
  $('path').value = step.path ?? '/orders';
  $('headers').replaceChildren();
  headerLines = 0;
  for (const line of step.headers ?? []) addHeader(line);
  await getToken();
  $('editor').open = false;
  if (step.claims) {
    const claims = JSON.parse($('claims').value);
    step.claims(claims);
    $('editor').open = true;
    $('claims').value = JSON.stringify(claims, null, 2);
    encodeClaims();
  }
  const said = await sendRequest();
  // On a narrow screen the results are far below.
  if (matchMedia('(max-width: 63.99rem)').matches) $('results').scrollIntoView();
  return said;
}

// --- the results -----------------------------------------------------------------------------------------------------

const isIdentity = (/** @type {string} */ name) => /^x[^a-z0-9]user[^a-z0-9]/i.test(name);
const isCredential = (/** @type {string} */ name) => /^authorization$/i.test(name);

function lineList(/** @type {HeaderLine[]} */ lines, /** @type {(line: HeaderLine) => boolean} */ isMarked) {
  const items = lines.map((line) => {
    const marked = isMarked(line);
    const inner = element(marked ? 'mark' : 'span', { text: line.join(': ') });
    return element('li', { className: `${marked ? '' : 'plain'} ${line[1].length > 200 ? 'long' : ''}` }, inner);
  });
  return element('ul', { className: 'lines' }, ...items);
}

function pretty(/** @type {string} */ body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

/** What came of it, in a few words. */
function outcome(/** @type {any} */ { answer, decision }) {
  if (answer === null) return { isGood: true, text: 'Never asked. The service reset the connection.' };
  if (decision === null) return { isGood: false, text: `Never asked. Somebody answered ${answer.status}.` };
  const { outcome: what, user, status, code } = decision;
  if (what === 'let through') return { isGood: true, text: `Let through as ${user ?? 'nobody'}.` };
  if (what === 'failed') return { isGood: false, text: `Let through, but the service failed: ${status}.` };
  return { isGood: false, text: `Refused: ${[status, code].filter(Boolean).join(' ')}.` };
}

function show(/** @type {any} */ exchange) {
  showSent(exchange);
  showDecision(exchange);
  showReceived(exchange);
}

function showSent(/** @type {any} */ { sent }) {
  const isMarked = (/** @type {HeaderLine} */ [name, value]) =>
    isIdentity(name) || isCredential(name) || (/^connection$/i.test(name) && value !== 'close');
  $('sent').replaceChildren(element('pre', { text: sent.line }), lineList(sent.headers, isMarked));
}

function showDecision(/** @type {any} */ exchange) {
  const { sent, answer, decision, received } = exchange;
  const { isGood, text } = outcome(exchange);
  $('decision').replaceChildren(element('p', { text, className: `verdict ${isGood ? 'good' : 'bad'}` }));
  if (decision !== null) {
    const route = decision.route === null ? 'No route fits.' : `Route: ${decision.route}`;
    $('decision').append(element('p', { text: route }));
    if (decision.reason) {
      $('decision').append(
        element('h3', { text: 'Why (for the log; the client is not told)' }),
        element('p', { text: decision.reason }),
      );
    }
  }
  if (received !== null) {
    addList('Removed', missing(sent.headers, received.headers), 'removed');
    addList('Written, from the verified token', missing(received.headers, sent.headers));
  } else if (answer !== null) {
    const hints = answer.headers.filter((/** @type {HeaderLine} */ [name]) =>
      /^(www-authenticate|retry-after)$/i.test(name),
    );
    $('decision').append(
      element('h3', { text: `The client got ${answer.status}` }),
      lineList(hints, () => false),
    );
    $('decision').append(element('pre', { text: pretty(answer.body) }));
  }
}

function showReceived(/** @type {any} */ { answer, decision, received }) {
  if (received !== null) {
    const isMarked = (/** @type {HeaderLine} */ [name]) => isIdentity(name);
    const others = received.headers.filter((/** @type {HeaderLine} */ line) => !isMarked(line));
    $('received').replaceChildren(
      element('pre', { text: `${received.method} ${received.target}` }),
      lineList([...received.headers.filter(isMarked), ...others], isMarked),
      element('h3', { text: `${received.service} answered ${answer.status}` }),
      element('pre', { text: pretty(answer.body) }),
    );
    return;
  }
  const isDirect = answer !== null && decision === null;
  const text = isDirect ? 'This request, from somebody who is not the gateway.' : 'Nothing. It never saw this request.';
  $('received').replaceChildren(element('p', { text: decision?.outcome === 'let through' ? '' : text }));
}

/** Identity and credentials that are in some lines and not in others. */
function missing(/** @type {HeaderLine[]} */ lines, /** @type {HeaderLine[]} */ others) {
  const key = (/** @type {HeaderLine} */ [name, value]) => `${name.toLowerCase()}:${value}`;
  const known = new Set(others.map(key));
  return lines.filter((line) => (isIdentity(line[0]) || isCredential(line[0])) && !known.has(key(line)));
}

function addList(/** @type {string} */ title, /** @type {HeaderLine[]} */ lines, className = '') {
  if (lines.length === 0) return;
  const list = lineList(lines, () => true);
  if (className) for (const mark of list.querySelectorAll('mark')) mark.className = className;
  $('decision').append(element('h3', { text: title }), list);
}

// --- start -----------------------------------------------------------------------------------------------------------

async function start() {
  const { users } = await ask('setting');
  $('user').append(new Option('nobody', ''));
  for (const { id, roles } of users) $('user').append(new Option(`${id} (${roles.join(', ')})`, id));
  $('target').append(new Option('the gateway', 'gateway'));
  for (const name of ['orders', 'admin']) $('target').append(new Option(`${name}, directly`, name));
  for (const step of STORY) {
    const button = element('button', { text: step.title });
    button.setAttribute('type', 'button');
    button.addEventListener('click', () => inTurn(() => takeStep(step, button)));
    $('story').append(element('li', {}, button));
  }
  $('user').value = 'alice';
  await getToken();
}

$('user').addEventListener('change', () => inTurn(async () => (await getToken(), '')));
$('kind').addEventListener('change', () => inTurn(async () => (await getToken(), '')));
$('token').addEventListener('input', showClaims);
$('claims').addEventListener('input', encodeClaims);
$('add-header').addEventListener('click', () => addHeader(['', '']).focus());
$('request').addEventListener('submit', (/** @type {Event} */ event) => {
  event.preventDefault();
  inTurn(sendRequest);
});
$('rotate').addEventListener('click', () =>
  inTurn(async () => {
    await ask('rotate');
    return 'Rotated. New tokens are signed with the next key; those from before stay good until they expire.';
  }),
);

inTurn(async () => (await start(), ''));
