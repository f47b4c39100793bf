import { existsSync, writeFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { PROVIDERS, type Provider } from '../../schema/presets/providers';
import { CommandFailure } from './command-failure';
import { FILE_FORMATS, type FileFormat, inspect } from './diagnosis';
import { commaList, condition, issuerUrl, service, SERVICE_FORM, someOf } from './init/answers';
import { type Draft, type DraftCondition, type DraftService } from './init/draft';
import { completeDraft } from './init/draft-completion';
import { draftText } from './init/draft-text';
import { hasTerminal, openQuestions, type Questions } from './init/questions';
import { repeatableOption } from './repeatable-option';

interface InitFlags {
  readonly issuer?: string;
  readonly provider?: Provider;
  readonly audience?: readonly string[];
  readonly condition: readonly DraftCondition[];
  readonly service: readonly DraftService[];
  readonly roles?: readonly string[];
  readonly caFile?: string;
  readonly format: FileFormat;
  readonly output?: string;
  readonly force: boolean;
}

/** `init`: writes a first kong.yml or policies.yml. */
export function initCommand(): Command {
  return new Command('init')
    .description('write a first kong.yml or policies.yml for an identity provider; asks on a terminal')
    .option(
      '--issuer <url>',
      'the issuer, exactly as in `iss` of its tokens; its discovery document is fetched',
      issuerUrl,
    )
    .addOption(
      new Option('--provider <name>', 'the preset; the discovery document is then not fetched').choices(PROVIDERS),
    )
    .option('--audience <list>', 'what tokens for these services have in their audience, with commas', someOf)
    .addOption(repeatableOption('--condition <claim=value>', 'a value that a claim must have', conditions))
    .addOption(repeatableOption('--service <service>', SERVICE_FORM, services))
    .option('--roles <list>', 'roles of which a caller needs one, with commas; empty: any verified caller', commaList)
    .option(
      '--ca-file <path>',
      'PEM file with the certificate authority of the issuer, as an absolute path',
      absolutePath,
    )
    .addOption(new Option('--format <format>', 'what to write').choices(FILE_FORMATS).default('kong'))
    .option('--output <file>', 'where to write it; - for stdout (default: kong.yml or policies.yml)')
    .option('--force', 'replace the file when it exists', false)
    .addHelpText(
      'after',
      `
Without a terminal, it asks nothing and names the missing flags. With --provider alone, it writes examples in place of what is
missing, each marked by a comment.

Examples:
  $ kong-jwt-identity init
  $ kong-jwt-identity init --issuer https://auth.example.com/realms/shop --audience orders-api \\
      --service 'orders=http://orders.internal:8080 /orders' --service 'admin=http://admin.internal:8080 /admin admin'
  $ kong-jwt-identity init --provider auth0 --format policies --output -`,
    )
    .action(async (flags: InitFlags, command: Command) => {
      const file = flags.output ?? `${flags.format}.yml`;
      if (file !== '-' && !flags.force && existsSync(file)) throw exists(file);
      const questions = hasTerminal() ? openQuestions() : undefined;
      try {
        await write(file, flags, command, questions);
      } finally {
        questions?.close();
      }
    });
}

async function write(file: string, flags: InitFlags, command: Command, questions?: Questions): Promise<void> {
  const { audience, condition: given, service: named, ...rest } = flags;
  const { draft, notes } = await completeDraft(
    { ...rest, audiences: audience, conditions: given, services: named },
    questions,
    (flag) => command.error(`error: ${flag} is needed, because there is no terminal to ask on`),
  );
  const text = draftText(draft);
  refuseUnusable(text, draft);
  const say = (line: string): void => void (file === '-' ? process.stderr : process.stdout).write(`${line}\n`);
  if (file === '-') process.stdout.write(text);
  else save(file, text, flags.force);
  for (const note of notes) say(note);
  if (file !== '-') say(`${file} is written.`);
  if (draft.examples.size > 0) say('Replace the examples in it: comments mark them.');
  const name = file === '-' ? `${draft.format}.yml` : file;
  const start = draft.format === 'kong' ? `dev ${name}` : `authz --gateway nginx --policies ${name}`;
  say(`Next:\n  kong-jwt-identity check --online ${name}\n  kong-jwt-identity ${start}`);
}

/** Nothing is written that a load would refuse. */
function refuseUnusable(text: string, { format }: Draft): void {
  const errors = inspect(text, { format })
    .findings()
    .filter(({ severity }) => severity === 'error');
  if (errors.length === 0) return;
  const lines = errors.map(({ field, message }) => `${field}: ${message}`);
  throw new CommandFailure(`these values make no configuration that can be used:\n${lines.join('\n')}`);
}

function save(file: string, text: string, force: boolean): void {
  try {
    writeFileSync(file, text, { flag: force ? 'w' : 'wx' });
  } catch (error) {
    const { code = 'unknown error' } = error as NodeJS.ErrnoException;
    throw code === 'EEXIST' ? exists(file) : new CommandFailure(`--output ${file}: cannot be written (${code})`);
  }
}

function exists(file: string): CommandFailure {
  return new CommandFailure(`${file} exists; --force replaces it, --output names another file`);
}

function absolutePath(text: string): string {
  if (isAbsolute(text)) return text;
  throw new InvalidArgumentError('It must be an absolute path.');
}

function services(text: string, before: readonly DraftService[]): readonly DraftService[] {
  const added = service(text);
  if (before.some(({ name }) => name === added.name)) throw new InvalidArgumentError('Its name is given twice.');
  return [...before, added];
}

function conditions(text: string, before: readonly DraftCondition[]): readonly DraftCondition[] {
  return [...before, condition(text)];
}
