/**
 * What came of a request. Everything that comes from a request, a token or an answer is written with `textContent`: it
 * is text, whatever it holds.
 *
 * @import { HeaderLine } from './story.js'
 */

const $ = (/** @type {string} */ id) => /** @type {any} */ (document.getElementById(id));

/** Makes an element. Text is only ever text. */
export function element(
  /** @type {string} */ name,
  { text = '', className = '' } = {},
  /** @type {Node[]} */ ...children
) {
  const made = document.createElement(name);
  made.textContent = text;
  if (className) made.className = className;
  made.append(...children);
  return made;
}

const isIdentity = (/** @type {string} */ name) => /^x[^a-z0-9](user|anonymous)[^a-z0-9]/i.test(name);
const isCredential = (/** @type {string} */ name) => /^authorization$/i.test(name);

/** A list of header lines. Long values are cut until somebody asks for the whole. */
function lineList(/** @type {HeaderLine[]} */ lines, /** @type {(line: HeaderLine) => boolean} */ isMarked) {
  const items = lines.map((line) => {
    const marked = isMarked(line);
    const inner = element(marked ? 'mark' : 'span', { text: line.join(': ') });
    const item = element('li', { className: marked ? '' : 'plain' }, inner);
    if (line[1].length > 200) item.append(...cut(inner, line[0]));
    return item;
  });
  return element('ul', { className: 'lines' }, ...items);
}

function cut(/** @type {HTMLElement} */ inner, /** @type {string} */ name) {
  inner.classList.add('long');
  const button = element('button', { text: 'Show all', className: 'quiet small' });
  button.setAttribute('type', 'button');
  button.setAttribute('aria-expanded', 'false');
  button.setAttribute('aria-label', `Show all of ${name}`);
  button.addEventListener('click', () => {
    const isCut = inner.classList.toggle('long');
    button.textContent = isCut ? 'Show all' : 'Show less';
    button.setAttribute('aria-label', `${button.textContent} of ${name}`);
    button.setAttribute('aria-expanded', String(!isCut));
  });
  return [button];
}

function pretty(/** @type {string} */ body) {
  try {
    return JSON.stringify(JSON.parse(body), null, 2);
  } catch {
    return body;
  }
}

/** What was seen, in a few words. `kind`: good, stopped (as it should be), or bad (something went wrong). */
export function outcome(/** @type {any} */ { answer, failure, decision }, /** @type {string} */ target) {
  const whom = target === 'gateway' ? 'The gateway' : 'The service';
  if (answer === null) {
    if (target !== 'gateway' && failure === 'ECONNRESET') {
      return { kind: 'stopped', text: 'The service reset the connection.' };
    }
    return { kind: 'bad', text: `${whom} gave no answer: ${failure}.` };
  }
  if (decision === null) {
    if (target === 'gateway')
      return { kind: 'stopped', text: `The gateway answered ${answer.status} and reported no decision.` };
    return { kind: 'bad', text: `The service answered ${answer.status}, although this was not the gateway.` };
  }
  const { outcome: what, user, status, code } = decision;
  if (what === 'let through') return { kind: 'good', text: `Let through as ${user ?? 'nobody'}.` };
  if (what === 'failed') return { kind: 'bad', text: `Let through, but the service failed: ${status}.` };
  return { kind: status >= 500 ? 'bad' : 'stopped', text: `Refused: ${[status, code].filter(Boolean).join(' ')}.` };
}

/** Shows a request that is on its way. What was there before stays until the answer is there, but looks old. */
export function showBusy(/** @type {boolean} */ isBusy) {
  $('results').setAttribute('aria-busy', String(isBusy));
}

/** Shows that a request came to nothing. No result of an earlier request stays. */
export function showFailure(/** @type {string} */ message) {
  $('sent').replaceChildren(element('p', { text: 'Nothing was sent.', className: 'empty' }));
  $('decision').replaceChildren(element('p', { text: message, className: 'verdict bad' }));
  $('received').replaceChildren(element('p', { text: 'Nothing was received.', className: 'empty' }));
}

/** Shows one request from everywhere. `explain` returns the steps of the decision as text. */
export function show(
  /** @type {any} */ exchange,
  /** @type {string} */ target,
  /** @type {() => Promise<string>} */ explain,
) {
  showSent(exchange);
  showDecision(exchange, target, explain);
  showReceived(exchange, target);
}

function showSent(/** @type {any} */ { sent }) {
  const isMarked = (/** @type {HeaderLine} */ [name, value]) =>
    isIdentity(name) || isCredential(name) || (/^connection$/i.test(name) && value !== 'close');
  $('sent').replaceChildren(element('pre', { text: sent.line }), lineList(sent.headers, isMarked));
}

function showDecision(
  /** @type {any} */ exchange,
  /** @type {string} */ target,
  /** @type {() => Promise<string>} */ explain,
) {
  const { sent, answer, decision, received, excerpt } = exchange;
  const { kind, text } = outcome(exchange, target);
  $('decision').replaceChildren(element('p', { text, className: `verdict ${kind}` }));
  if (target !== 'gateway') $('decision').append(element('p', { text: 'The gateway was not asked.' }));
  if (decision !== null) {
    const route = decision.route === null ? 'No route matches.' : `Route: ${decision.route}`;
    $('decision').append(element('p', { text: route }));
    if (decision.reason) {
      $('decision').append(
        element('h3', { text: 'Why (in the log; the client is not told)' }),
        element('p', { text: decision.reason }),
      );
    }
  }
  if (received !== null) {
    addList('Removed', missing(sent.headers, received.headers), 'removed');
    addList('Written by the gateway', missing(received.headers, sent.headers));
  } else if (answer !== null) {
    const hints = answer.headers.filter((/** @type {HeaderLine} */ [name]) =>
      /^(www-authenticate|retry-after)$/i.test(name),
    );
    $('decision').append(element('h3', { text: `The client got ${answer.status}` }));
    if (hints.length > 0) $('decision').append(lineList(hints, () => false));
    $('decision').append(element('pre', { text: pretty(answer.body) }));
  }
  if (excerpt !== null) {
    $('decision').append(
      element('h3', { text: 'This route in kong.yml' }),
      element('pre', { text: excerpt, className: 'excerpt' }),
    );
  }
  if (decision !== null && decision.route !== null) $('decision').append(explainButton(explain));
}

function explainButton(/** @type {() => Promise<string>} */ explain) {
  const button = /** @type {HTMLButtonElement} */ (
    element('button', { text: 'Explain step by step', className: 'quiet' })
  );
  button.type = 'button';
  button.addEventListener('click', () => {
    button.disabled = true;
    button.textContent = 'Explaining…';
    explain().then(
      (text) => {
        const lines = text.trimEnd().split('\n');
        const steps = element('pre', { className: 'excerpt' }, ...lines.map((line) => element('div', { text: line })));
        steps.tabIndex = -1;
        button.replaceWith(element('h3', { text: 'kong-jwt-identity explain' }), steps);
        steps.focus({ preventScroll: true });
      },
      (error) => {
        button.disabled = false;
        button.textContent = `Explain again (it failed: ${error.message})`;
      },
    );
  });
  return button;
}

function showReceived(/** @type {any} */ { answer, decision, received }, /** @type {string} */ target) {
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
  let text = 'Nothing.';
  if (target !== 'gateway')
    text = answer === null ? 'A connection that it reset.' : 'This request, not from the gateway.';
  else if (decision === null) text = 'Nothing was reported.';
  else if (decision.outcome === 'let through') text = 'Nothing was reported by the service.';
  $('received').replaceChildren(element('p', { text }));
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
  if (className) for (const mark of list.querySelectorAll('mark')) mark.classList.add(className);
  $('decision').append(element('h3', { text: title }), list);
}
