import type { Ports } from './addresses';
import { USERS } from './identity-provider/users';
import { LOOPBACK } from './listen';
import type { Terminal } from './terminal';

/** A command to paste into a shell, and what it shows. */
export interface Chapter {
  readonly title: string;
  readonly command: string;
  /** What it shows when all is well. */
  readonly expected: string;
}

/** Returns the story as commands. They use the variables that {@link tokenVariables} sets. */
export function chapters(ports: Ports): Chapter[] {
  const gateway = `http://${LOOPBACK}:${ports.gateway}`;
  const bearer = (user: string): string => `-H "Authorization: Bearer $${user.toUpperCase()}"`;
  const [alice] = USERS;
  const form = `-d user=${alice?.id ?? ''} -d password=${alice?.password ?? ''}`;
  return [
    {
      title: 'A login gives a token',
      command: `curl -i ${gateway}/login ${form}`,
      expected: '200 and an access_token',
    },
    {
      title: 'The gateway checks it, the service is told who calls',
      command: `curl -i ${gateway}/orders ${bearer('alice')}`,
      expected: '200, and the service was told X-User-ID: alice',
    },
    {
      title: 'Without a token nothing reaches the service',
      command: `curl -i ${gateway}/orders`,
      expected: '401 token_missing',
    },
    {
      title: 'Forged headers are removed, X_User_ID too',
      command: `curl -i ${gateway}/orders ${bearer('alice')} -H 'X-User-ID: carol' -H 'X_User_Roles: admin'`,
      expected: '200, and the service was told X-User-ID: alice, nothing of carol',
    },
    {
      title: 'An ordinary user cannot use the admin route',
      command: `curl -i ${gateway}/admin ${bearer('alice')}`,
      expected: '403 forbidden',
    },
    {
      title: 'An administrator can',
      command: `curl -i ${gateway}/admin ${bearer('carol')}`,
      expected: '200, and the service was told X-User-Roles: user,admin',
    },
    {
      title: 'A service cannot be reached around the gateway',
      command: `curl -i http://${LOOPBACK}:${ports.orders}/orders -H 'X-User-ID: carol'`,
      expected: 'no answer: curl says that the connection was reset',
    },
    {
      title: 'Keys can be rotated: tokens from before stay valid until they expire',
      command: `curl -i -X POST http://${LOOPBACK}:${ports.identityProvider}/rotate`,
      expected: '200; the commands above work as before',
    },
    {
      title: 'A stolen token can be revoked',
      command: `curl -i http://${LOOPBACK}:${ports.identityProvider}/revoke -d token=$BOB`,
      expected: '200; the gateway knows it within a second',
    },
    {
      title: 'It is then rejected, although it has not expired',
      command: `curl -i ${gateway}/orders ${bearer('bob')}`,
      expected: '401 token_revoked',
    },
    {
      title: 'If that was a mistake, it can be undone',
      command: `curl -i http://${LOOPBACK}:${ports.identityProvider}/revoke -d token=$BOB -d undo=1`,
      expected: '200; a second later, the command before gives 200 again',
    },
  ];
}

/** Returns one shell assignment a user: `ALICE=eyJ…`. */
export function tokenVariables(tokens: ReadonlyMap<string, string>): string[] {
  return [...tokens].map(([user, token]) => `${user.toUpperCase()}=${token}`);
}

/** What {@link printWelcome} tells. */
export interface Welcome {
  readonly ports: Ports;
  readonly kongFile: string;
  readonly tokens: ReadonlyMap<string, string>;
  readonly tokensGoodUntil: Date;
  /** Whether the services can tell the gateway from others. */
  readonly isIsolated: boolean;
}

/** The line that says the demo can be used. */
export const READY_LINE = 'Ready. Every request gets a line here; Ctrl-C ends everything.';

/** Prints where everything is and what to try. */
export function printWelcome(welcome: Welcome, { style, print }: Terminal): void {
  const { ports, kongFile, tokens, tokensGoodUntil, isIsolated } = welcome;
  const url = (port: number): string => `http://${LOOPBACK}:${port}/`;
  const place = (name: string, where: string, what: string): void => {
    print(`  ${name.padEnd(18)}${style('cyan', where.padEnd(24))}${what}`);
  };
  print(`\n${style('bold', 'kong-plugin-jwt-identity: the demo')} (a toy shop; everything stays on this machine)\n`);
  place('Page', url(ports.page), 'the whole story, to click through');
  place('Gateway', url(ports.gateway), `the development gateway, with ${kongFile}: edit it and see`);
  place(
    'Identity provider',
    url(ports.identityProvider),
    USERS.map(({ id, password }) => `${id}/${password}`).join(', '),
  );
  place(
    'Orders',
    url(ports.orders),
    isIsolated ? 'answers the gateway only' : 'answers everybody on this machine (see below)',
  );
  place(
    'Admin',
    url(ports.admin),
    isIsolated ? 'answers the gateway only' : 'answers everybody on this machine (see below)',
  );
  print(
    `\nTokens, good until ${tokensGoodUntil.toLocaleTimeString()}. Paste these lines into another terminal first:\n`,
  );
  for (const line of tokenVariables(tokens)) print(style('dim', line));
  for (const [i, { title, command, expected }] of chapters(ports).entries()) {
    print(`\n${style('bold', `${i + 1}. ${title}`)}`);
    if (!isIsolated && command.includes(`:${ports.orders}/`)) {
      print(SKIPPED);
      continue;
    }
    print(command);
    print(style('dim', `   → ${expected}`));
  }
  print(`\nA fresh token, when these have expired:\n${freshToken(ports)}`);
  print(`\n${READY_LINE}\n`);
}

/** A command that logs Alice in and sets her variable. */
function freshToken({ gateway }: Ports): string {
  const [alice] = USERS;
  const login = `curl -s http://${LOOPBACK}:${gateway}/login -d user=${alice?.id ?? ''} -d password=${alice?.password ?? ''}`;
  return `${alice?.id.toUpperCase() ?? ''}=$(${login} | sed -n 's/.*"access_token": *"\\([^"]*\\)".*/\\1/p')`;
}

const SKIPPED =
  '   skipped: this machine has no 127.0.0.2 that would tell the gateway from others.\n' +
  '   On macOS `sudo ifconfig lo0 alias 127.0.0.2` adds it until the next start.';
