/** The page of the demo: a request to write, the story that writes some, and what comes of them. */
import { element, outcome, show, showBusy, showFailure } from './results.js';
import { STORY } from './story.js';
import { partsOf, withParts } from './token.js';

/** @import { HeaderLine, Step } from './story.js' */

const $ = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

/** Asks the page's own server, which is on this machine. */
async function ask(/** @type {string} */ action, /** @type {object} */ body = {}) {
  const response = await fetch(action, { method: 'POST', body: JSON.stringify(body) }).catch(() => {
    throw new Error('The demo does not answer. Has it ended?');
  });
  const answer = await response.json();
  if (!response.ok) throw new Error(answer.error);
  return answer;
}

// --- the token -------------------------------------------------------------------------------------------------------

function showParts() {
  const { header, claims } = partsOf($('token').value);
  $('jose').value = header;
  $('claims').value = claims;
}

async function getToken() {
  const user = $('user').value;
  $('token').value = user === '' ? '' : (await ask('token', { user, kind: $('kind').value })).token;
  showParts();
  showRevocation();
}

/** The token that was revoked last; another one is not. */
let revokedToken = '';

function showRevocation() {
  const token = $('token').value.trim();
  $('revoke').disabled = token === '';
  $('revoke').textContent = token !== '' && token === revokedToken ? 'Undo the revocation' : 'Revoke this token';
}

/** Revokes the token that is shown, or undoes that. */
async function revoke(/** @type {boolean} */ revoked) {
  const token = $('token').value.trim();
  await ask('revoke', { token, revoked });
  revokedToken = revoked ? token : '';
  showRevocation();
  return revoked
    ? 'Revoked. The gateway has read the list: send the request again.'
    : 'The token counts again: send the request again.';
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

function wantedRequest() {
  const token = $('token').value.trim();
  const lines = [...$('headers').children].map((line) =>
    [...line.querySelectorAll('input')].map((field) => field.value.trim()),
  );
  const given = lines.filter(([name]) => name !== '');
  const headers = token === '' ? given : [['Authorization', `Bearer ${token}`], ...given];
  return { target: $('target').value, method: $('method').value, path: $('path').value, headers };
}

/** @type {Record<string, string>} */
let addresses = {};

/** The request as a command for a shell. */
function curlCommand() {
  const { target, method, path, headers } = wantedRequest();
  const quoted = (/** @type {string} */ text) => `'${text.replaceAll("'", String.raw`'\''`)}'`;
  const lines = headers.map(([name, value]) => ` \\\n  -H ${quoted(`${name}: ${value}`)}`);
  return `curl -i -X ${method} ${quoted(`${addresses[target]}${path}`)}${lines.join('')}`;
}

// --- one thing after the other ---------------------------------------------------------------------------------------

/** @type {Promise<void>} */
let last = Promise.resolve();

/** Does one thing after the other, and says what came of each or what went wrong. */
function inTurn(
  /** @type {() => Promise<string>} */ work,
  /** @type {(message: string) => void} */ onFailure = () => {},
) {
  $('status').textContent = '';
  $('status').className = '';
  last = last.then(async () => {
    try {
      $('status').textContent = await work();
    } catch (error) {
      const message = `That did not work: ${error instanceof Error ? error.message : String(error)}`;
      $('status').textContent = message;
      $('status').className = 'failed';
      onFailure(message);
    } finally {
      showBusy(false);
      $('send').disabled = false;
      $('send').textContent = 'Send';
    }
  });
}

/** Does something that ends with a request being sent. */
function sendInTurn(/** @type {() => Promise<string>} */ work) {
  inTurn(() => {
    showBusy(true);
    $('send').disabled = true;
    $('send').textContent = 'Sending…';
    return work();
  }, showFailure);
}

async function sendRequest() {
  const request = wantedRequest();
  const exchange = await ask('send', request);
  show(exchange, request.target, async () => (await ask('explain', request)).text);
  return outcome(exchange, request.target).text;
}

// --- the story -------------------------------------------------------------------------------------------------------

/** The step that is shown; -1 before the first. */
let current = -1;

function goTo(/** @type {number} */ index) {
  const step = STORY[index];
  if (step === undefined) return;
  current = index;
  for (const [i, button] of [...document.querySelectorAll('#story button')].entries()) {
    if (i === index) button.setAttribute('aria-current', 'step');
    else button.removeAttribute('aria-current');
  }
  $('step').textContent = `Step ${index + 1} of ${STORY.length}`;
  $('previous').disabled = index === 0;
  $('next').disabled = index === STORY.length - 1;
  $('note').textContent = step.note;
  sendInTurn(() => takeStep(step));
}

async function takeStep(/** @type {Step} */ step) {
  if (step.rotate) await ask('rotate');
  $('user').value = step.user ?? '';
  $('kind').value = step.kind ?? 'good';
  $('target').value = step.target ?? 'gateway';
  $('method').value = step.method ?? 'GET';
  $('path').value = step.path ?? '/orders';
  $('headers').replaceChildren();
  headerLines = 0;
  for (const line of step.headers ?? []) addHeader(line);
  await getToken();
  if (step.claims) {
    const claims = JSON.parse($('claims').value);
    step.claims(claims);
    $('token').value = withParts($('token').value, { claims: JSON.stringify(claims) });
    showParts();
  }
  if (step.revoke) await revoke(true);
  const said = await sendRequest();
  // On a narrow screen the results are below the request.
  if (matchMedia('(max-width: 63.99rem)').matches) $('results').scrollIntoView();
  return said;
}

// --- start -----------------------------------------------------------------------------------------------------------

async function start() {
  const { users, addresses: known } = await ask('setting');
  addresses = known;
  $('user').append(new Option('nobody', ''));
  for (const { id, roles } of users) $('user').append(new Option(`${id} (${roles.join(', ')})`, id));
  $('target').append(new Option('the gateway', 'gateway'));
  for (const name of ['orders', 'admin']) $('target').append(new Option(`${name}, directly`, name));
  for (const [index, { title }] of STORY.entries()) {
    const button = element('button', { text: title });
    button.setAttribute('type', 'button');
    button.addEventListener('click', () => goTo(index));
    $('story').append(element('li', {}, button));
  }
  $('user').value = 'alice';
  await getToken();
  $('next').disabled = false;
}

$('previous').addEventListener('click', () => goTo(current - 1));
$('next').addEventListener('click', () => goTo(current + 1));
$('user').addEventListener('change', () => inTurn(async () => (await getToken(), '')));
$('kind').addEventListener('change', () => inTurn(async () => (await getToken(), '')));
$('token').addEventListener('input', () => {
  showParts();
  showRevocation();
});
$('jose').addEventListener('input', () => {
  $('token').value = withParts($('token').value, { header: $('jose').value });
});
$('claims').addEventListener('input', () => {
  $('token').value = withParts($('token').value, { claims: $('claims').value });
});
$('add-header').addEventListener('click', () => addHeader(['', '']).focus());
$('request').addEventListener('submit', (/** @type {Event} */ event) => {
  event.preventDefault();
  sendInTurn(sendRequest);
});
$('copy').addEventListener('click', () =>
  inTurn(async () => {
    const command = curlCommand();
    $('curl').textContent = command;
    $('curl').hidden = false;
    const isCopied = await navigator.clipboard.writeText(command).then(
      () => true,
      () => false,
    );
    return isCopied ? 'Copied.' : 'The browser does not allow copying; the command is below.';
  }),
);
$('rotate').addEventListener('click', () =>
  inTurn(async () => {
    await ask('rotate');
    return 'Rotated. New tokens are signed with the next key; tokens of the key before stay valid until they expire.';
  }),
);

$('revoke').addEventListener('click', () => inTurn(() => revoke($('token').value.trim() !== revokedToken)));

inTurn(async () => (await start(), ''));
