import { describe, expect, it } from '@jest/globals';
import { execFileSync, spawnSync } from 'node:child_process';
import { version } from '../../../package.json';
import { Name, Priority } from '../../../plugin/jwt-identity';
import { PACKAGE_VERSION, PLUGIN, PRIORITY, type Verdict } from '../../../src/protocol/verdict';
import {
  describeLua,
  HANDLER_FILE,
  type LuaStep,
  reportedCounts,
  reportedOutcomes,
  runHandler,
  verdictText,
} from '../../support/lua-handler';
import { TRACEPARENTS } from '../../support/traceparents';

const ada = { host: 'shop.test', authorization: 'Bearer ada' };
const passing = verdictText();
/** For which requests a refusal of one without a token is repeated. */
const repeatedMissing: Verdict['repeat'] = {
  seconds: 5,
  kind: 'missing',
  equal: ['connection', 'content-type'],
  absent: ['authorization'],
  method: false,
  label: 'missing',
};

/** What happens to the last step, after the others. */
const last = (...steps: LuaStep[]) => runHandler(steps).seen.at(-1)!;
/** Whether a request is asked about after the first step was learned. */
const isAsked = (...steps: LuaStep[]): boolean => last({ headers: ada, verdict: passing }, ...steps).asked;

const REFUSED = { asked: true, passed: false, exit: { status: 500 } };

it('the handler has the version of the package and the priority and name of the plugin', () => {
  expect([PACKAGE_VERSION, PRIORITY, PLUGIN]).toEqual([version, Priority, Name]);
});

it('the handler that ships is accepted by luacheck', () => {
  if (spawnSync('luacheck', ['--version']).error !== undefined) {
    process.stderr.write('luacheck is SKIPPED: there is no `luacheck` command on PATH (Debian: lua-check)\n');
    return;
  }
  expect(execFileSync('luacheck', ['--no-color', HANDLER_FILE], { encoding: 'utf8' })).toContain('0 warnings');
});

describeLua('the handler in LuaJIT', () => {
  it('loads with priority and version, says which file it is, and reports every two seconds', () => {
    expect(runHandler([]).loaded).toEqual({
      priority: PRIORITY,
      version: PACKAGE_VERSION,
      reports_every: 2,
      notice: expect.stringContaining(HANDLER_FILE) as unknown,
    });
  });

  it('tells the plugin server its version', () => {
    expect(last({ headers: ada, verdict: passing }).handler).toBe(PACKAGE_VERSION);
  });

  it('lets a request with a positive verdict pass, carries it out and takes it away', () => {
    const verdict = verdictText({
      proceed: {
        headers: [
          ['X-User-ID', 'ada'],
          ['X-Old', []],
        ],
        groups: ['admin'],
        credential: 'c1',
      },
      log: { outcome: 'proceed', user: 7 },
    });
    const { logged, ...seen } = last({ headers: ada, verdict });
    expect(JSON.parse(logged!)).toEqual({ jwt_identity: { outcome: 'proceed', user: 7 } });
    expect(seen).toEqual({
      asked: true,
      tracing: true,
      passed: true,
      handler: PACKAGE_VERSION,
      headers: { 'X-User-ID': 'ada', 'X-Old': {} },
      groups: '["admin"]',
      credential: { id: 'c1' },
    });
  });

  it.each<[string, Omit<LuaStep, 'headers'>]>([
    ['there is no verdict', {}],
    ['the verdict was there before the plugin server was asked', { left: passing }],
    ["Kong's code threw", { fails: 'connection refused', verdict: passing }],
    ['the verdict is cut', { verdict: passing.slice(0, -1) }],
    ['the verdict is no object', { verdict: '"proceed"' }],
    ['the verdict is JSON null', { verdict: 'null' }],
    ['the plugin server has another version', { verdict: verdictText({ version: '0.0.9' }) }],
    ['the verdict is about another plugin entry', { verdict: verdictText({ plugin: 'p2' }) }],
    ['the verdict is about an earlier configuration', { verdict: verdictText({ sequence: 0 }) }],
    ['the verdict says nothing', { verdict: JSON.stringify({ ...JSON.parse(passing), proceed: undefined }) }],
    ['the verdict says both', { verdict: verdictText({ refuse: { status: 401, headers: {}, body: '' } }) }],
    ['the verdict has no headers', { verdict: verdictText({ proceed: {} as Verdict['proceed'] & object }) }],
    ...['{"X-User-ID":"ada"}', '["X-User-ID"]', '[[7,"ada"]]', '[["X-User-ID",null]]', '[["X-User-ID",["ada",7]]]'].map(
      (headers): [string, Omit<LuaStep, 'headers'>] => [
        `the verdict has ${headers} for headers`,
        { verdict: passing.replace('[["X-User-ID","ada"]]', headers) },
      ],
    ),
    ['the verdict names no start of the server', { verdict: JSON.stringify({ ...JSON.parse(passing), server: 1 }) }],
  ])('answers 500 when %s', (_, step) => {
    const seen = last({ headers: ada, ...step });
    expect(seen).toMatchObject(REFUSED);
    expect(seen.headers).toBeUndefined();
    expect(JSON.parse(seen.exit!.body)).toMatchObject({ code: 'internal_error' });
    expect(seen.error).toMatch(/^request refused request_id=\S+ route=none service=none code=internal_error reason="/);
    expect(seen.error).not.toContain('Bearer');
  });

  it('says both versions when they differ', () => {
    const { error } = last({ headers: ada, verdict: verdictText({ version: '0.0.9' }) });
    expect(error).toContain(`the plugin server has version 0.0.9, the handler ${PACKAGE_VERSION}`);
  });

  it('leaves an answer of the plugin server itself alone', () => {
    expect(last({ headers: ada, exits: 503 })).toMatchObject({ passed: false, exit: { status: 503 } });
  });

  it('carries a refusal out with the id of the request in its body', () => {
    const refuse = { status: 401, headers: { A: 'b' }, body: '{"code":"x"}', takesIds: true as const };
    const verdict = JSON.stringify({ ...JSON.parse(passing), proceed: undefined, refuse });
    const bodies = ['00ff', undefined, 'a"b'].map(
      (id) => last({ verdict, ...(id !== undefined && { id }) }).exit?.body,
    );
    expect(bodies).toEqual(['{"code":"x","request_id":"00ff"}', '{"code":"x"}', '{"code":"x"}']);
  });

  it.each(TRACEPARENTS)('reads the trace of %j as the plugin server does', (traceparent, traceId) => {
    const refuse = { status: 401, headers: {}, body: '{"code":"x"}', takesIds: true as const };
    const line = { kind: 'x', text: 'code=x' };
    const verdict = JSON.stringify({ ...JSON.parse(passing), proceed: undefined, refuse, line, log: { code: 'x' } });
    const { exit, notice, logged } = last({ verdict, id: '07', headers: { traceparent } });
    const traced = traceId === undefined ? {} : { trace_id: traceId };
    expect(JSON.parse(exit!.body)).toEqual({ code: 'x', request_id: '07', ...traced });
    expect(JSON.parse(logged!)).toEqual({ jwt_identity: { code: 'x', ...traced } });
    const about = traceId === undefined ? '' : ` trace_id=${traceId}`;
    expect(notice).toBe(`request refused request_id=07${about} route=none service=none code=x`);
  });

  it('does not look for a trace when it lets a request pass and writes nothing about it, asked or repeated', () => {
    const steps: LuaStep[] = [{ headers: ada, verdict: passing }, { headers: ada }];
    expect(runHandler(steps).seen.map(({ passed, tracing }) => [passed, tracing])).toEqual([
      [true, undefined],
      [true, undefined],
    ]);
  });

  it('repeats an answer whatever traceparent says, and each repetition names its own trace', () => {
    const [one, other] = ['1', '2'].map((digit) => `00-${digit.repeat(32)}-${'a'.repeat(16)}-01`);
    const repeat = { ...(JSON.parse(passing) as Verdict).repeat!, harmless: ['host', 'traceparent'] };
    const verdict = verdictText({ repeat, log: { code: 'proceed' } });
    const traced = (traceparent = ''): Record<string, string> => ({ ...ada, traceparent });
    const second = last({ headers: traced(one), verdict }, { headers: traced(other) });
    expect(second.asked).toBe(false);
    expect(JSON.parse(second.logged!)).toEqual({ jwt_identity: { code: 'proceed', trace_id: '2'.repeat(32) } });
  });

  it('repeats an answer for the same request, unspoiled by what plugins did with the first', () => {
    const verdict = verdictText({
      proceed: { headers: [['X-User-ID', 'ada']], groups: ['admin'], credential: 'c1' },
      log: { outcome: 'proceed' },
    });
    const [first, second] = runHandler([{ headers: ada, verdict }, { headers: ada }]).seen;
    expect(second).toEqual({ ...first, asked: false, handler: undefined });
  });

  it('asks about the path that the plugin server answers itself, and repeats for every other', () => {
    const repeat = { ...(JSON.parse(passing) as { repeat: object }).repeat, exceptPath: '/.well-known/x' };
    const verdict = JSON.stringify({ ...JSON.parse(passing), repeat });
    const asked = (first: string, second: string): boolean =>
      last({ headers: ada, verdict, target: first }, { headers: ada, target: second }).asked;
    expect(asked('/a', '/b?c=/.well-known/x')).toBe(false);
    for (const target of ['/.well-known/x', '/.well-known/x?a=1']) expect(asked('/a', target)).toBe(true);
    for (const target of ['/.well-known/x/', '/.well-known/X', '//.well-known/x'])
      expect(asked('/a', target)).toBe(false);
    expect(asked('/.well-known/x', '/a')).toBe(true);
  });

  it('repeats the consumer that Kong knew', () => {
    const repeat = { ...(JSON.parse(passing) as Verdict).repeat!, consumer: true as const };
    const verdict = verdictText({ repeat });
    expect(last({ headers: ada, verdict, consumer: 'c7' }, { headers: ada })).toMatchObject({
      asked: false,
      consumer: 'c7',
    });
    expect(last({ headers: ada, verdict }, { headers: ada }).asked).toBe(true);
  });

  it.each<[string, LuaStep]>([
    ['another token', { headers: { ...ada, authorization: 'Bearer bob' } }],
    ['a token in other letters', { headers: { ...ada, authorization: 'bearer ada' } }],
    ['no token', { headers: { host: 'shop.test' } }],
    ['two Authorization lines', { headers: { ...ada, authorization: ['Bearer ada', 'Bearer ada'] } }],
    ['a header that was not called harmless', { headers: { ...ada, x_user_id: 'evil' } }],
    ['a Connection header', { headers: { ...ada, connection: 'x-user-id' } }],
    ['a cookie', { headers: { ...ada, cookie: 'token=x' } }],
    ['another entry of the plugin', { headers: ada, conf: 'p2#1' }],
    ['a configuration that was loaded anew', { headers: ada, conf: 'p1#2' }],
    ['more header lines than are looked at', { headers: { ...ada, accept: Array.from({ length: 200 }, () => 'a') } }],
  ])('asks again for a request with %s', (_, step) => {
    expect(isAsked(step)).toBe(true);
  });

  it('does not confuse values that look like several', () => {
    const split = { ...ada, authorization: 'Bearer ada-', connection: 'x' };
    expect(isAsked({ headers: split })).toBe(true);
    expect(isAsked({ headers: { ...ada, authorization: 'Bearer ada', connection: '' } })).toBe(true);
  });

  it('takes no header for the end of another one', () => {
    // Without their lengths, both requests are `Bearer ada-`: a missing header is written as `-`.
    const learned = { host: 'shop.test', authorization: 'Bearer ada-', connection: '' };
    expect(last({ headers: learned, verdict: passing }, { headers: learned }).asked).toBe(false);
    expect(last({ headers: learned, verdict: passing }, { headers: ada }).asked).toBe(true);
  });

  it('repeats an answer whatever harmless headers say and in whichever number', () => {
    expect(isAsked({ headers: { ...ada, host: 'other.test', accept: ['a', 'b'] } })).toBe(false);
  });

  it('learns harmless names from the plugin server alone', () => {
    // The plugin server let x_user_id pass by, stripped it, and did not call it harmless.
    const headers = { ...ada, x_user_id: 'evil' };
    expect(last({ headers, verdict: passing }, { headers }).asked).toBe(true);
    expect(last({ headers, verdict: passing }, { headers: ada, verdict: passing }, { headers }).asked).toBe(true);
  });

  it('asks again for another method where the method decided', () => {
    const verdict = verdictText({ repeat: { ...(JSON.parse(passing) as Verdict).repeat!, method: true } });
    const steps = [{ headers: ada, verdict, method: 'GET' }];
    expect(last(...steps, { headers: ada, method: 'GET' }).asked).toBe(false);
    expect(last(...steps, { headers: ada, method: 'DELETE' }).asked).toBe(true);
  });

  it('forgets an answer at its end', () => {
    expect(isAsked({ advance: 4.9 }, { headers: ada })).toBe(false);
    expect(isAsked({ advance: 5 }, { headers: ada })).toBe(true);
  });

  it.each([
    ['has no header lines in a known form', 'undeclared'],
    ['reads header lines by other arguments', 'changed'],
  ] as const)('asks about every request, and carries the verdicts out, where OpenResty %s', (_, openresty) => {
    const { seen } = runHandler(Array(2).fill({ headers: ada, verdict: passing }), openresty);
    expect(seen).toMatchObject(Array(2).fill({ asked: true, passed: true, headers: { 'X-User-ID': 'ada' } }));
  });

  it('repeats nothing that may not be repeated', () => {
    const verdict = JSON.stringify({ ...JSON.parse(passing), repeat: undefined });
    expect(last({ headers: ada, verdict }, { headers: ada }).asked).toBe(true);
  });

  it('reports each outcome by route and service, asked or repeated, its own refusals too, and few routes one by one', () => {
    const place = { route: { id: 'r1', name: 'orders' }, service: { id: 's1' } };
    const refuse = { status: 403, headers: {}, body: '{}', takesIds: true as const };
    const line = { kind: 'forbidden', text: 'code=forbidden' };
    const refusing = JSON.stringify({ ...JSON.parse(passing), proceed: undefined, repeat: undefined, refuse, line });
    const reportOf = (...steps: LuaStep[]): (readonly unknown[])[] =>
      reportedOutcomes(last(...steps, { report: 'taken' })).at(-1) ?? [];
    const steps = [
      { headers: ada, verdict: passing, ...place },
      { headers: ada, ...place },
      { headers: { ...ada, authorization: 'Bearer bob' }, verdict: refusing, ...place },
      { headers: { ...ada, authorization: 'Bearer eve' }, ...place },
      { headers: ada },
    ];
    const counted = [
      ['forbidden', 1, 'orders', 's1'],
      ['internal_error', 1, 'orders', 's1'],
      ['proceed', 1, 'none', 'none'],
      ['proceed', 2, 'orders', 's1'],
    ];
    const sorted = (entries: (readonly unknown[])[]): (readonly unknown[])[] =>
      entries.toSorted((a, b) => (String(a) < String(b) ? -1 : 1));
    expect(sorted(reportOf(...steps))).toEqual(counted);
    // What did not arrive is in the next report.
    expect(sorted(reportOf(...steps, { report: 'lost' }))).toEqual(counted);
    const many = Array.from({ length: 210 }, (_, index) => ({
      headers: ada,
      verdict: passing,
      route: { id: `r${index}` },
    }));
    const reported = reportOf(...many);
    expect(reported).toHaveLength(201);
    expect(reported).toContainEqual(['proceed', 10, 'other', 'other']);
  });

  it('forgets everything when another start of the plugin server answers', () => {
    const other = verdictText({ server: 'start-2' });
    const bob = { ...ada, authorization: 'Bearer bob' };
    expect(isAsked({ headers: bob, verdict: other }, { headers: ada })).toBe(true);
    expect(isAsked({ headers: bob, verdict: other }, { headers: bob })).toBe(false);
  });

  it('repeats the refusal of a request without a token, with the id of each request', () => {
    const refuse = { status: 401, headers: {}, body: '{"code":"x"}', takesIds: true as const };
    const verdict = JSON.stringify({ ...JSON.parse(passing), proceed: undefined, refuse, repeat: repeatedMissing });
    const first: LuaStep = { headers: { host: 'a' }, verdict, id: '01' };
    expect(last(first, { headers: { x_user_id: 'evil' }, id: '02' })).toMatchObject({
      asked: false,
      passed: false,
      exit: { status: 401, body: '{"code":"x","request_id":"02"}' },
    });
    expect(last(first, { headers: ada }).asked).toBe(true);
    expect(last(first, { headers: { 'content-type': 'application/grpc' } }).asked).toBe(true);
    expect(last(first, { headers: { connection: 'x-user-id' } }).asked).toBe(true);
    expect(last(first, { conf: 'p2#1' }).asked).toBe(true);
  });

  it('is bounded: answers beyond the bound push the least recently used out', () => {
    const token = (name: string): LuaStep => ({ headers: { ...ada, authorization: `Bearer ${name}` } });
    const large = 'x'.repeat(5_000);
    const many = Array.from({ length: 300 }, (_, index) => ({ ...token(`${large}${index}`), verdict: passing }));
    const { seen } = runHandler([...many, token(`${large}0`), token(`${large}299`)]);
    expect(seen.slice(-2).map(({ asked }) => asked)).toEqual([true, false]);
  });

  describe('large answers to requests without a token', () => {
    const token = { ...ada, authorization: `Bearer ${'x'.repeat(5_000)}` };
    const caller: LuaStep = { headers: token, verdict: passing };
    const refuse = { status: 401, headers: {}, body: '{"code":"x"}' };
    const verdict = JSON.stringify({ ...JSON.parse(passing), proceed: undefined, refuse, repeat: repeatedMissing });

    it('push no caller out', () => {
      const flood = Array.from({ length: 300 }, (_, index) => ({
        headers: { 'content-type': `${'y'.repeat(5_000)}${index}` },
        verdict,
      }));
      expect(last(caller, ...flood, { headers: token }).asked).toBe(false);
    });

    it('are never repeated for a caller, whatever their headers say', () => {
      const { authorization } = token;
      expect(
        last(caller, { headers: { connection: authorization }, verdict }, { headers: { ...token } }),
      ).toMatchObject({ asked: false, passed: true });
      expect(
        last(caller, { advance: 5 }, { headers: { connection: authorization }, verdict }, { headers: token }).asked,
      ).toBe(true);
    });
  });

  it('keeps nothing that is larger than 64 KiB', () => {
    const headers = { ...ada, authorization: `Bearer ${'x'.repeat(65_536)}` };
    expect(last({ headers, verdict: passing }, { headers }).asked).toBe(true);
  });

  it('leaves the groups and the credential of an earlier plugin alone when the verdict has none, also when it is repeated', () => {
    const { seen } = runHandler([
      { headers: ada, verdict: passing, earlier: 'key-auth' },
      { headers: ada, earlier: 'key-auth' },
    ]);
    for (const each of seen) expect(each).toMatchObject({ groups: '["key-auth"]', credential: { id: 'key-auth' } });
    expect(seen.map(({ asked }) => asked)).toEqual([true, false]);
  });

  it('remembers harmless names of headers of up to 64 characters, and at most 500 of a configuration', () => {
    const named = (names: readonly string[], token = 'ada'): LuaStep => ({
      headers: { ...ada, authorization: `Bearer ${token}`, ...Object.fromEntries(names.map((name) => [name, '1'])) },
      verdict: verdictText({ repeat: { ...(JSON.parse(passing) as Verdict).repeat!, harmless: ['host', ...names] } }),
    });
    const isRepeated = (...steps: readonly [LuaStep, ...LuaStep[]]): boolean =>
      !runHandler([...steps, { headers: steps.at(-1)!.headers! }]).seen.at(-1)!.asked;
    expect(isRepeated(named(['x'.repeat(64)]))).toBe(true);
    expect(isRepeated(named(['x'.repeat(65)]))).toBe(false);
    const many = (from: number, count: number): LuaStep =>
      named(
        Array.from({ length: count }, (_, index) => `x-${from + index}`),
        `${from}`,
      );
    // 499 names and `host` are 500; `authorization` and `connection` are looked at and do not count.
    const before = [many(0, 150), many(150, 150), many(300, 150)] as const;
    expect(isRepeated(...before, many(450, 49))).toBe(true);
    expect(isRepeated(...before, many(450, 50))).toBe(false);
  });

  it('lets random tokens push nothing out', () => {
    const refusal = JSON.stringify({
      ...JSON.parse(passing),
      proceed: undefined,
      repeat: undefined,
      refuse: { status: 401, headers: {}, body: '' },
    });
    const random = Array.from({ length: 2_000 }, (_, index) => ({
      headers: { ...ada, authorization: `Bearer random-${index}` },
      verdict: refusal,
    }));
    expect(isAsked(...random, { headers: ada })).toBe(false);
  });

  describe('the report of repeated answers', () => {
    const repetition: LuaStep = { headers: ada };
    const learned: LuaStep = { headers: ada, verdict: passing };
    const named = (label: string): LuaStep => ({
      headers: { ...ada, authorization: `Bearer ${label}` },
      verdict: verdictText({ repeat: { ...(JSON.parse(passing) as Verdict).repeat!, label } }),
    });
    /** What the plugin server is told in each step that tells it something or runs the timer. */
    const reportsOf = (...steps: LuaStep[]): unknown[] => {
      const { seen } = runHandler(steps);
      return seen.filter(({ reports }) => reports !== undefined).map(reportedCounts);
    };

    it('counts each repetition once, and says nothing when there was none', () => {
      expect(
        reportsOf(learned, { report: 'taken' }, repetition, repetition, { report: 'taken' }, { report: 'taken' }),
      ).toEqual([[], [[['ada', 2]]], []]);
    });

    it.each(['lost', 'unheard'] as const)('keeps what did not arrive (%s) for the next one', (report) => {
      const more = [repetition, { report: 'taken' }] as const;
      const [, second, third] = reportsOf(learned, repetition, repetition, { report }, ...more, { report: 'taken' });
      expect([second, third]).toEqual([[[['ada', 3]]], []]);
    });

    it('keeps counts that did not arrive when nothing was repeated since', () => {
      expect(reportsOf(learned, repetition, { report: 'lost' }, { report: 'taken' })).toEqual([
        [[['ada', 1]]],
        [[['ada', 1]]],
      ]);
    });

    it('is not sent twice when the timer runs while the plugin server is asked', () => {
      const steps: LuaStep[] = [learned, repetition, { report: 'again' }, { report: 'taken' }];
      expect(reportsOf(...steps)).toEqual([[[['ada', 1]]], []]);
    });

    it('leaves out labels that were not counted', () => {
      expect(reportsOf(learned, named('bob'), repetition, { report: 'taken' })).toEqual([[[['ada', 1]]]]);
    });

    it('is framed as a call of Kong, whatever its length', () => {
      for (const length of [1, 118, 119, 200, 300, 20_000]) {
        const long = named('x'.repeat(length));
        const [counts] = reportsOf(long, { headers: long.headers! }, { report: 'taken' });
        expect(counts).toEqual([[['x'.repeat(length), 1]]]);
      }
    });

    it('goes to no plugin server of another protocol, which would keep nothing', () => {
      expect(
        reportsOf(
          { protocol: 'MsgPack:1' },
          learned,
          repetition,
          { report: 'lost' },
          { protocol: 'ProtoBuf:1' },
          {
            report: 'taken',
          },
        ),
      ).toEqual([[], []]);
    });

    it('has the last repetitions when the worker ends, and each one that comes after', () => {
      expect(reportsOf(learned, repetition, { ends: true, report: 'taken' }, repetition)).toEqual([
        [[['ada', 1]]],
        [[['ada', 1]]],
      ]);
    });

    it('knows a thousand labels: an answer with another one is not repeated until the next report', () => {
      const many = Array.from({ length: 1000 }, (_, index) => named(`l${index}`));
      const another = { headers: { ...ada, authorization: 'Bearer another' } };
      const { seen } = runHandler([
        ...many,
        { headers: many[999]!.headers! },
        named('another'),
        another,
        { report: 'taken' },
        named('another'),
        another,
      ]);
      const asked = seen.slice(1000).map((each) => each.asked);
      expect(asked).toEqual([false, true, true, false, true, false]);
    });
  });

  describe('the line about a refusal', () => {
    const refused = (text = 'code=forbidden reason=r'): string =>
      verdictText({
        proceed: undefined,
        repeat: undefined,
        refuse: { status: 403, headers: {}, body: '{}' },
        line: { kind: 'forbidden', text },
      } as unknown as Partial<Verdict>);
    const orders = { route: { id: 'r1', name: 'orders' }, service: { id: 's1' } };

    it('begins with the ids of the request, the route and the service, and is written at notice', () => {
      const seen = last({ headers: ada, id: '5d82cd7c', verdict: refused(), ...orders });
      expect(seen.notice).toBe('request refused request_id=5d82cd7c route=orders service=s1 code=forbidden reason=r');
      expect(seen.exit?.status).toBe(403);
    });

    it('is written for an answer that is repeated, with the id of each request', () => {
      const verdict = verdictText({
        proceed: undefined,
        refuse: { status: 401, headers: {}, body: '{}' },
        line: { kind: 'token_missing', text: 'code=token_missing' },
        repeat: { seconds: 5, kind: 'missing', equal: [], absent: ['authorization'], method: false, label: 'm' },
      } as unknown as Partial<Verdict>);
      const seen = last({ headers: {}, id: 'first', verdict, ...orders }, { headers: {}, id: 'second', ...orders });
      expect([seen.asked, seen.notice]).toEqual([
        false,
        'request refused request_id=second route=orders service=s1 code=token_missing',
      ]);
    });

    it('is not written for most requests of a flood, says how many were left out, and spares other routes', () => {
      const step = { headers: ada, id: 'a', verdict: refused(), ...orders };
      const { seen } = runHandler([
        ...Array.from({ length: 500 }, () => step),
        { ...step, route: { name: 'other' } },
        { advance: 1 },
        step,
      ]);
      expect(seen.slice(0, 500).filter(({ notice }) => notice !== undefined).length).toBe(20);
      expect(seen.every(({ exit, asked }) => !asked || exit?.status === 403)).toBe(true);
      expect(seen.at(-3)?.notice).toContain('route=other');
      expect(seen.at(-1)?.notice).toMatch(/ unwritten=480$/);
    });

    it('is one line, and holds no character of a name that Kong would not have accepted', () => {
      const route = { name: 'a\nb "c' };
      const seen = last({ headers: ada, id: 'x y', verdict: refused('a\nb'), route });
      expect(seen.notice).toBe('request refused request_id=unknown route=a?b??c service=none a b');
    });

    it('gives a request without a verdict an id that leads to its line', () => {
      const seen = last({ headers: ada, id: '5d82cd7c' });
      expect(JSON.parse(seen.exit!.body)).toMatchObject({ code: 'internal_error', request_id: '5d82cd7c' });
      expect(seen.error).toContain('request_id=5d82cd7c');
    });
  });
});
