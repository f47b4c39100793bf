import { ConfigurationError } from '../../src/kong/declarative/configuration-error';
import type { Declaration } from '../../src/kong/declarative/entities';
import { declared } from '../support/declared';
import { type Entities, entitiesOfDeclaration, entitiesOfKong } from './file-entities';
import type { KongAnswer } from './real-kong';

/** What a gateway says of a file: what it declares, or what is wrong, one reason a line. */
export type Verdict = { readonly entities: Entities } | { readonly reasons: readonly string[] };

/** What the development gateway says of a file. Anything but a configuration or a refusal is thrown on. */
export function ownVerdict(text: string): Verdict {
  try {
    const declaration: Declaration = declared(text);
    return { entities: entitiesOfDeclaration(declaration) };
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return { reasons: error.message.split('\n') };
  }
}

/** What Kong says of it. Kong answers 500 to some files that its schemas do not expect: they are refused. */
export function kongVerdict({ isAccepted, body }: KongAnswer): Verdict {
  return isAccepted ? { entities: entitiesOfKong(body) } : { reasons: [JSON.stringify(body['fields'] ?? body)] };
}
