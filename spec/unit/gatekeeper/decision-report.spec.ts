import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import type { Proceed } from '../../../src/core/decision';
import { Refusal } from '../../../src/core/refusal/refusal';
import { reportDecision } from '../../../src/gatekeeper/decision-report';
import { decisionChannel, type DecisionMessage } from '../../../src/telemetry/channels';
import { createLogger } from '../../../src/telemetry/log';

const messages: DecisionMessage[] = [];
const listen = (message: DecisionMessage): void => void messages.push(message);
const lines: string[] = [];
const logger = createLogger('debug', (line) => void lines.push(line));
const anonymous: Proceed = { outcome: 'proceed', headers: {}, token: undefined };

beforeEach(() => {
  messages.length = lines.length = 0;
  decisionChannel.subscribe(listen);
});
afterEach(() => {
  decisionChannel.unsubscribe(listen);
});

describe('the report of a decision', () => {
  it('names code and status of a refusal, and its reason in the log alone', () => {
    reportDecision(new Refusal('token_missing', 'no bearer token'), logger);
    expect(messages).toEqual([{ outcome: 'refuse', code: 'token_missing', status: 401 }]);
    expect(lines).toEqual(['debug: request refused code=token_missing reason="no bearer token"\n']);
  });

  it('names the code of a shadow refusal, and that the request proceeds', () => {
    reportDecision({ ...anonymous, shadow: new Refusal('forbidden', 'no rule allows it') }, logger);
    expect(messages).toEqual([{ outcome: 'proceed', code: 'anonymous', status: 0, shadow: 'forbidden' }]);
    expect(lines).toEqual(['info: request would be refused code=forbidden reason="no rule allows it"\n']);
  });

  it('names the reason for which a cookie was ignored, in the log alone', () => {
    reportDecision({ ...anonymous, ignored: new Refusal('token_expired', 'exp is past') }, logger);
    expect(messages).toEqual([{ outcome: 'proceed', code: 'anonymous', status: 0 }]);
    expect(lines).toEqual(['info: cookie ignored code=token_expired reason="exp is past"\n']);
  });

  it('logs nothing about a request that proceeds without a shadow refusal', () => {
    reportDecision(anonymous, logger);
    expect(messages).toEqual([{ outcome: 'proceed', code: 'anonymous', status: 0 }]);
    expect(lines).toEqual([]);
  });

  it('writes no line about a refusal when the level is above debug', () => {
    reportDecision(
      new Refusal('token_missing', 'no bearer token'),
      createLogger('info', (line) => lines.push(line)),
    );
    expect(lines).toEqual([]);
  });
});
