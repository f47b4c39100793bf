import { describe, expect, it } from '@jest/globals';
import { portsFrom } from '../../../examples/demo/addresses';
import { printWelcome, READY_LINE } from '../../../examples/demo/story';

describe('the welcome', () => {
  const welcome = (isIsolated: boolean): string[] => {
    const lines: string[] = [];
    printWelcome(
      {
        ports: portsFrom(8000),
        kongFile: 'kong.yml',
        tokens: new Map([['alice', 'a.b.c']]),
        tokensGoodUntil: new Date(0),
        isIsolated,
      },
      { style: (_, text) => text, print: (line) => lines.push(...line.split('\n')) },
    );
    return lines;
  };

  it('sets every variable that its commands use', () => {
    const lines = welcome(true);
    const commands = lines.filter((line) => line.startsWith('curl '));
    expect(commands).toHaveLength(11);
    expect(lines).toContain('ALICE=a.b.c');
    expect(lines.filter((line) => line !== '').at(-1)).toBe(READY_LINE);
  });

  it('does not promise what this machine cannot show', () => {
    const text = welcome(false).join('\n');
    expect(text).toMatch(/^7\. A service cannot be reached around the gateway\n +skipped: .*127\.0\.0\.2/m);
    expect(text).not.toContain('curl -i http://127.0.0.1:8011/');
    expect(text).not.toContain('answers the gateway only');
  });
});
