import { InvalidArgumentError } from 'commander';
import type { Provider } from '../../../schema/presets/providers';
import { parseConfig } from '../../../schema/parse-config';
import { FetchError } from '../../documents/fetch-error';
import { inspectIssuer } from '../../keys/issuer-inspection';
import { CommandFailure } from '../command-failure';
import type { FileFormat } from '../diagnosis';
import { commaList, condition, issuerUrl, providerName, service, SERVICE_FORM, someOf } from './answers';
import {
  type Asked,
  audienceClaim,
  demandedClaims,
  type Draft,
  type DraftCondition,
  type DraftService,
  EXAMPLE_AUDIENCES,
  EXAMPLE_SERVICES,
  exampleConditions,
  exampleIssuer,
} from './draft';
import { guessProvider } from './provider-guess';
import type { Questions } from './questions';

/** Values given by flags. */
export interface GivenDraft {
  readonly format: FileFormat;
  readonly issuer?: string | undefined;
  readonly provider?: Provider | undefined;
  readonly audiences?: readonly string[] | undefined;
  readonly conditions: readonly DraftCondition[];
  readonly services: readonly DraftService[];
  readonly roles?: readonly string[] | undefined;
  readonly caFile?: string | undefined;
}

/** A draft, and what was seen on the way. */
export interface CompleteDraft {
  readonly draft: Draft;
  readonly notes: readonly string[];
}

/**
 * Completes a draft: asks where there is a terminal. Without one, a provider alone gets examples for what is missing, and
 * otherwise a missing flag is named. The issuer is asked for its metadata unless the provider is given.
 *
 * @param missing - ends the command, naming a flag
 * @throws CommandFailure when the issuer cannot be asked or calls itself otherwise
 */
export async function completeDraft(
  given: GivenDraft,
  questions: Questions | undefined,
  missing: (flag: string) => never,
): Promise<CompleteDraft> {
  const examples = new Set<Asked>();
  // A provider alone: the file is a start for somebody who edits it.
  const mayInvent = questions === undefined && given.provider !== undefined && given.issuer === undefined;
  const need = <T>(what: Asked, flag: string, example: T): T => {
    if (!mayInvent) return missing(flag);
    examples.add(what);
    return example;
  };
  const { issuer, provider, notes } = await whoOf(given, questions, examples, missing);

  const claim = audienceClaim(provider);
  const audiences =
    given.audiences ??
    (await questions?.ask(`Audience of the services (what tokens have in ${claim}), with commas`, someOf)) ??
    need('audiences', '--audience', EXAMPLE_AUDIENCES);

  const demanded = demandedClaims(provider);
  const isDemandMet = demanded.length === 0 || given.conditions.some((each) => demanded.includes(each.claim));
  const conditions = isDemandMet
    ? given.conditions
    : [
        ...given.conditions,
        ...((await questions
          ?.ask(`Whose tokens are accepted, CLAIM=VALUE with one of ${demanded.join(', ')}`, (answer) =>
            demandedCondition(answer, demanded),
          )
          .then((answer) => [answer])) ??
          need('conditions', `--condition on one of ${demanded.join(', ')}`, exampleConditions(provider))),
      ];

  const services =
    given.services.length > 0
      ? given.services
      : ((await (questions && askServices(questions, given.format))) ??
        need('services', '--service', EXAMPLE_SERVICES));
  const [nowhere] = given.format === 'kong' ? services.filter(({ url }) => url === undefined) : [];
  if (nowhere !== undefined) missing(`the URL of --service ${nowhere.name} (${SERVICE_FORM})`);

  const roles =
    given.roles ??
    (await questions?.ask(
      'Roles of which a caller needs one, with commas; empty for any verified caller',
      commaList,
    )) ??
    [];
  const { format, caFile } = given;
  return { draft: { format, provider, issuer, caFile, audiences, conditions, services, roles, examples }, notes };
}

interface Who {
  readonly issuer: string;
  readonly provider: Provider;
  readonly notes: readonly string[];
}

async function whoOf(
  given: GivenDraft,
  questions: Questions | undefined,
  examples: Set<Asked>,
  missing: (flag: string) => never,
): Promise<Who> {
  if (given.provider !== undefined) {
    const { provider } = given;
    const { issuer: example, isExample } = exampleIssuer(provider);
    const asked =
      given.issuer ??
      (await (isExample ? questions?.ask(`The issuer's URL, such as ${example}`, issuerUrl) : undefined));
    if (asked === undefined && isExample) examples.add('issuer');
    return { issuer: asked ?? example, provider, notes: [] };
  }
  const issuer =
    given.issuer ??
    (await questions?.ask("The issuer's URL, exactly as in `iss` of its tokens", issuerUrl)) ??
    missing('--issuer (or --provider)');
  const { guess, notes } = await lookUp(issuer, given.caFile);
  const provider = (await questions?.ask('Provider, which decides how tokens are read', providerName, guess)) ?? guess;
  return { issuer, provider, notes: [...notes, `Provider: ${provider}${provider === guess ? ', guessed' : ''}.`] };
}

/** Asks an issuer who it is, as the plugin would. */
async function lookUp(
  issuer: string,
  caFile: string | undefined,
): Promise<{ readonly guess: Provider; readonly notes: readonly string[] }> {
  const keyFetch = caFile === undefined ? {} : { key_fetch: { ca_file: caFile } };
  const [entry] = parseConfig({ issuers: [{ issuer, audiences: ['any'], discovery: true, ...keyFetch }] }).issuers;
  if (entry === undefined) throw new Error('a configuration without its issuer');
  const { metadata, keySet } = await inspectIssuer(entry);
  if (metadata === undefined || metadata instanceof FetchError) {
    const reason = metadata?.message ?? 'it has no discovery document';
    throw new CommandFailure(`--issuer ${issuer}: ${reason}; with --provider, nothing is fetched`);
  }
  const { issuer: named, jwksUri } = metadata;
  if (named !== issuer) {
    const other = named === undefined ? 'no issuer' : `the issuer ${JSON.stringify(named.slice(0, 200))}`;
    throw new CommandFailure(
      `--issuer ${issuer}: its discovery document names ${other}, and tokens have that one: give it exactly so`,
    );
  }
  const seen = `Found: ${issuer}, with keys at ${jwksUri ?? 'no address'}.`;
  const failed = keySet instanceof FetchError ? [`Its keys cannot be used now: ${keySet.message}.`] : [];
  return { guess: guessProvider(issuer, jwksUri), notes: [seen, ...failed] };
}

async function askServices(questions: Questions, format: FileFormat): Promise<readonly DraftService[]> {
  const services: DraftService[] = [];
  for (;;) {
    const more = services.length === 0 ? '' : ', or nothing to go on';
    const added = await questions.ask(`A service, ${SERVICE_FORM}${more}`, (answer) => {
      if (answer === '' && services.length > 0) return undefined;
      const read = service(answer);
      if (read.url === undefined && format === 'kong') throw new InvalidArgumentError('Its URL is needed.');
      if (services.some(({ name }) => name === read.name)) throw new InvalidArgumentError('Its name is taken.');
      return read;
    });
    if (added === undefined) return services;
    services.push(added);
  }
}

function demandedCondition(answer: string, demanded: readonly string[]): DraftCondition {
  const read = condition(answer);
  if (demanded.includes(read.claim)) return read;
  throw new InvalidArgumentError(`The claim must be one of ${demanded.join(', ')}.`);
}
