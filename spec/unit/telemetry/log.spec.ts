import { describe, expect, it } from '@jest/globals';
import { createLogger, formatRecord, isLogLevel } from '../../../src/telemetry/log';

function lines(threshold: string | undefined): { log: ReturnType<typeof createLogger>; written: string[] } {
  const written: string[] = [];
  return { log: createLogger(threshold, (line) => written.push(line)), written };
}

describe('a log record', () => {
  it('is one line with its fields behind the message', () => {
    expect(formatRecord('info', 'request refused', { code: 'token_expired', status: 401, known: true })).toBe(
      'info: request refused code=token_expired status=401 known=true',
    );
  });

  it('leaves out what is not defined and quotes what could be misread', () => {
    expect(formatRecord('warn', 'x', { a: undefined, b: 'two words', c: '', d: 'a=b', e: '"' })).toBe(
      'warn: x b="two words" c="" d="a=b" e="\\""',
    );
  });

  it.each([['\n'], ['\r'], ['\0'], ['\u001b[31m'], ['\u0085'], ['\u2028'], ['\u007f']])(
    'never starts a new line or colours a terminal: %j',
    (text) => {
      expect(formatRecord('error', `a${text}b`, { field: `c${text}d` })).not.toMatch(
        /[\u0000-\u001f\u007f-\u009f\u2028]/,
      );
    },
  );
});

describe('a logger', () => {
  it('writes its level and everything more severe', () => {
    const { log, written } = lines('warn');
    for (const level of ['error', 'warn', 'notice', 'info', 'debug'] as const) log.log(level, 'm');
    expect(written).toEqual(['error: m\n', 'warn: m\n']);
    expect(log.isEnabled('warn')).toBe(true);
    expect(log.isEnabled('notice')).toBe(false);
  });

  it.each([[undefined], ['loud'], ['']])('takes notice as its level when told %j', (threshold) => {
    const { log, written } = lines(threshold);
    log.log('notice', 'yes');
    log.log('info', 'no');
    expect(written).toEqual(['notice: yes\n']);
  });

  it('knows its levels by name', () => {
    expect(isLogLevel('debug')).toBe(true);
    expect(isLogLevel('toString')).toBe(false);
    expect(isLogLevel(undefined)).toBe(false);
  });
});
