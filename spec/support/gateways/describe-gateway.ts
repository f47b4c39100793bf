import { describe } from '@jest/globals';
import { type ShippedGateway, whyAbsent } from './gateway-process';

/** `describe` for specs that start a gateway. When it is not there they are skipped, and their title says why. */
export function describeGateway(gateway: ShippedGateway, what: string, body: () => void): void {
  const absence = whyAbsent(gateway);
  if (absence === undefined) describe(`${gateway.name}: ${what}`, body);
  else describe.skip(`${gateway.name}: ${what} (${absence})`, body);
}
