import { describe, expect, it } from '@jest/globals';
import { ConfigurationError, KONG_ONLY } from '../../../../src/kong/declarative/configuration-error';
import { declared } from '../../../support/declared';
import { judgedFiles } from '../../../support/kong-yml-verdicts';

function verdictOn(text: string): string {
  try {
    declared(text);
    return 'accepted';
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    return error.violations.some(({ message }) => message.includes(KONG_ONLY)) ? 'kong' : 'refused';
  }
}

describe('a file that Kong 3.9.3 was asked about', () => {
  const files = judgedFiles();

  it.each(files.filter(({ verdict }) => verdict === 'accepted'))('is accepted, as by Kong: $text', ({ text }) => {
    expect(verdictOn(text)).toBe('accepted');
  });

  it.each(files.filter(({ verdict }) => verdict === 'refused'))('is refused, as by Kong: $text', ({ text }) => {
    expect(verdictOn(text)).not.toBe('accepted');
  });

  it.each(files.filter(({ verdict }) => verdict === 'kong'))('is left to Kong, with that advice: $text', ({ text }) => {
    expect(verdictOn(text)).toBe('kong');
  });

  it.each(files.filter(({ verdict }) => verdict === 'stricter'))('is refused, unlike by Kong: $text', ({ text }) => {
    expect(verdictOn(text)).toBe('refused');
  });
});
