import { Document, isCollection, isMap, isNode, Pair, Scalar, visit } from 'yaml';
import { PLUGIN_NAME } from '../../../schema/parse-config';
import { type Asked, audienceClaim, type Draft, type DraftService } from './draft';

const REPLACE = ' An example: replace it.';

/**
 * Returns the text of a kong.yml or policies.yml for a draft, with comments. Values stand in it so that Kong, which reads
 * YAML 1.1, reads them as they are; no comment holds one.
 */
export function draftText(draft: Draft): string {
  const document = new Document(draft.format === 'kong' ? kongFile(draft) : policiesFile(draft), { version: '1.1' });
  const config = draft.format === 'kong' ? ['plugins', 0, 'config'] : ['_identity'];
  commentConfig(document, config, draft);
  const shared = document.getIn(config);
  if (isMap(shared)) {
    for (const place of mergingPlaces(draft)) {
      const map = document.getIn(place);
      if (!isMap(map)) continue;
      shared.anchor = 'identity';
      map.items.unshift(new Pair(mergeKey(), document.createAlias(shared, 'identity')));
      if (map.items.length === 1) map.flow = true;
    }
  }
  comment(document, ['services'], draft.examples.has('services') ? REPLACE : undefined);
  visit(document, {
    Seq: (_, list) => {
      if (list.items.every((item) => item instanceof Scalar)) list.flow = true;
    },
  });
  document.commentBefore = ' Written by kong-jwt-identity init. After each change: kong-jwt-identity check';
  return document.toString({ lineWidth: 0 });
}

function kongFile(draft: Draft): Record<string, unknown> {
  const services = draft.services.map((service) => ({
    name: service.name,
    url: service.url,
    routes: [
      {
        name: service.name,
        paths: [service.path],
        strip_path: false,
        ...(service.roles.length > 0 && { plugins: [{ name: PLUGIN_NAME, config: authorizeOf(service.roles) }] }),
      },
    ],
  }));
  const config = { ...identityOf(draft), ...authorizeOf(draft.roles) };
  return { _format_version: '3.0', plugins: [{ name: PLUGIN_NAME, config }], services };
}

function policiesFile(draft: Draft): Record<string, unknown> {
  const policies = draft.services.map(({ name, roles }): [string, unknown] => [
    name,
    authorizeOf(roles.length > 0 ? roles : draft.roles),
  ]);
  return { _identity: identityOf(draft), policies: Object.fromEntries(policies) };
}

/** Maps that take the rest from the shared configuration. */
function mergingPlaces({ format, services }: Draft): (readonly (string | number)[])[] {
  if (format === 'policies') return services.map(({ name }) => ['policies', name]);
  const isOwn = ({ roles }: DraftService): boolean => roles.length > 0;
  return services.flatMap((service, index) =>
    isOwn(service) ? [['services', index, 'routes', 0, 'plugins', 0, 'config']] : [],
  );
}

function identityOf({ provider, issuer, caFile, audiences, conditions }: Draft): Record<string, unknown> {
  return {
    issuers: [
      {
        provider,
        issuer,
        audiences: [...audiences],
        ...(conditions.length > 0 && {
          conditions: conditions.map(({ claim, values }) => ({ claim, one_of: [...values] })),
        }),
        ...(caFile !== undefined && { key_fetch: { ca_file: caFile } }),
      },
    ],
    identity_headers: [
      { header: 'X-User-ID', claim: 'sub', required: true },
      { header: 'X-User-Roles', claim: 'roles' },
    ],
  };
}

function authorizeOf(roles: readonly string[]): Record<string, unknown> {
  return roles.length === 0 ? {} : { authorize: [{ roles: [...roles] }] };
}

function commentConfig(document: Document, config: readonly (string | number)[], draft: Draft): void {
  const { format, provider, roles, examples } = draft;
  const example = (what: Asked): string => (examples.has(what) ? REPLACE : '');
  if (format === 'kong') {
    comment(document, ['plugins'], ' Not bound to a route: routes that are added later are guarded, too.');
  } else {
    comment(document, ['policies'], ` A gateway asks for a policy by its name.${example('services')}`);
  }
  const issuer = [...config, 'issuers', 0];
  comment(document, [...issuer, 'provider'], ` How its tokens are read: docs/providers/${provider}.md`);
  comment(document, [...issuer, 'issuer'], ` Exactly the \`iss\` of its tokens.${example('issuer')}`);
  const claim = audienceClaim(provider);
  comment(document, [...issuer, 'audiences'], ` One of them must be in the claim ${claim}.${example('audiences')}`);
  comment(document, [...issuer, 'conditions'], ` Whose tokens are accepted.${example('conditions')}`);
  comment(
    document,
    [...config, 'identity_headers'],
    ' What services read. `roles` are those that the preset finds. Clients cannot send these headers.',
  );
  comment(document, [...config, 'authorize'], ' One of these roles is needed, unless a route says otherwise.');
  if (roles.length === 0) {
    const map = document.getIn(config);
    if (isCollection(map)) map.comment = ' authorize: [{ roles: [user] }] # without it, every valid token is accepted';
  }
  const headers = document.getIn([...config, 'identity_headers']);
  if (isCollection(headers)) {
    for (const header of headers.items) if (isCollection(header)) header.flow = true;
  }
}

/** Puts a comment before a member of a map. */
function comment(document: Document, path: readonly (string | number)[], text: string | undefined): void {
  const holder = document.getIn(path.slice(0, -1));
  const map = path.length === 1 ? document.contents : holder;
  if (text === undefined || !isMap(map)) return;
  const pair = map.items.find(({ key }) => (key instanceof Scalar ? key.value : key) === path.at(-1));
  if (pair !== undefined && isNode(pair.key)) pair.key.commentBefore = text;
}

function mergeKey(): Scalar {
  const key = new Scalar('<<');
  key.type = 'PLAIN';
  return key;
}
