/** A scalar of a kong.yml that cannot be read as what it looks like or is tagged as. */
export class ScalarError extends Error {
  override readonly name = 'ScalarError';
}

type Scalar = string | number | boolean | null;
/** Returns what a text means as one type, `undefined` when it is not of that type. */
type Reading = (text: string) => Scalar | undefined;

const NULLS = ['', '~', 'null', 'Null', 'NULL'];
const WORDS: Readonly<Record<string, Scalar>> = {
  ...named(true, 'true', 'True', 'TRUE', 'yes', 'Yes', 'YES', 'on', 'On', 'ON'),
  ...named(false, 'false', 'False', 'FALSE', 'no', 'No', 'NO', 'off', 'Off', 'OFF'),
};
const LETTERS: Readonly<Record<string, Scalar>> = { ...named(true, 'y', 'Y'), ...named(false, 'n', 'N') };
const INFINITIES: Readonly<Record<string, Scalar>> = {
  ...named(Infinity, '.inf', '.Inf', '.INF', '+.inf', '+.Inf', '+.INF'),
  ...named(-Infinity, '-.inf', '-.Inf', '-.INF'),
  ...named(Number.NaN, '.nan', '.NaN', '.NAN'),
};

const octal = integer(/^([+-]?)0_*([0-7][0-7_]*)$/, 8);
const decimal = integer(/^([+-]?)_*([0-9][0-9_]*)$/, 10);
const hexadecimal = integer(/^([+-]?)0x_*([0-9a-fA-F][0-9a-fA-F_]*)$/, 16);
const binary = integer(/^([+-]?)0b_*([01][01_]+)$/, 2);
const sexagesimal = baseSixty(/^([+-]?)([0-9]+:[0-5]?[0-9][:0-9]*)()$/);
const sexagesimalFraction = baseSixty(/^([+-]?)([0-9]+:[0-5]?[0-9][:0-9]*)(\.[0-9]+)$/);
const word: Reading = (text) => own(WORDS, text);
const infinity: Reading = (text) => own(INFINITIES, text);

/** Kong 3.9.3 (lyaml 6.2.8): in this order. `y` and `n` are texts, `017` is 15, `0o17` a text, `1:30` is 90. */
const PLAIN: readonly Reading[] = [
  (text) => (NULLS.includes(text) ? null : undefined),
  octal,
  decimal,
  float,
  word,
  infinity,
  hexadecimal,
  binary,
  sexagesimal,
  sexagesimalFraction,
];

const NUMBER = [octal, decimal, hexadecimal, binary];
/** What a tag makes of a text. All other tags are ignored by Kong, so a date is a text. */
const TAGGED: Readonly<Record<string, readonly Reading[]>> = {
  'tag:yaml.org,2002:bool': [word, (text) => own(LETTERS, text)],
  'tag:yaml.org,2002:float': [float, infinity, ...NUMBER, sexagesimalFraction],
  'tag:yaml.org,2002:int': [...NUMBER, sexagesimal],
  'tag:yaml.org,2002:null': [() => null],
  'tag:yaml.org,2002:str': [(text) => text],
};

/**
 * Returns what Kong 3.9.3 (lyaml, YAML 1.1) reads in a scalar.
 *
 * @param text - its content, without quotes
 * @param isPlain - whether it stands in the file without quotes and is no block
 * @param tag - its full tag, if it has one
 * @throws {@link ScalarError}, which does not quote the text
 */
export function readScalar(text: string, isPlain: boolean, tag?: string): Scalar {
  const tagged = tag === undefined ? undefined : own(TAGGED, tag);
  if (tagged === undefined && !isPlain) return text;
  const value = firstReading(tagged ?? PLAIN, text);
  if (value !== undefined) return value;
  if (tagged === undefined) return text;
  throw new ScalarError('Value that does not fit its tag');
}

function firstReading(readings: readonly Reading[], text: string): Scalar | undefined {
  for (const reading of readings) {
    const value = reading(text);
    if (value !== undefined) return value;
  }
  return undefined;
}

function integer(form: RegExp, base: number): Reading {
  return (text) => {
    const [, sign = '', digits] = form.exec(text) ?? [];
    if (digits === undefined) return undefined;
    // Kong 3.9.3: lyaml fails at the underscore.
    if ((base === 8 || base === 2) && digits.endsWith('_')) throw new ScalarError('Number that ends with _');
    return signed(sign, valueOf(digits.replaceAll('_', ''), base));
  };
}

function valueOf(digits: string, base: number): number {
  if (base === 10) return Number(digits);
  return digits.split('').reduce((sum, digit) => sum * base + Number.parseInt(digit, base), 0);
}

/** `1:30:00`, as clocks and angles are written. */
function baseSixty(form: RegExp): Reading {
  return (text) => {
    const [, sign = '', groups, fraction = ''] = form.exec(text) ?? [];
    if (groups === undefined) return undefined;
    const whole = (groups.match(/[0-9]+/g) ?? []).reduce((sum, digits) => sum * 60 + Number(digits), 0);
    return signed(sign, whole + Number(`0${fraction}`));
  };
}

/** What LuaJIT's `tonumber` takes, when there is a dot or an `e` in it: also `0x1.8p3`. */
function float(text: string): number | undefined {
  if (!/[.eE]/.test(text)) return undefined;
  const plain = text.replaceAll('_', '');
  if (/^[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$/.test(plain)) return Number(plain);
  const [, sign = '', whole = '', , fraction = '', power = '0'] =
    /^([+-]?)0[xX]([0-9a-fA-F]*)(\.([0-9a-fA-F]*))?(?:[pP]([+-]?[0-9]+))?$/.exec(plain) ?? [];
  if (whole + fraction === '') return undefined;
  return signed(sign, valueOf(whole + fraction, 16) * 2 ** (Number(power) - 4 * fraction.length));
}

function signed(sign: string, value: number): number {
  return sign === '-' ? -value : value;
}

function named(value: Scalar, ...names: readonly string[]): Record<string, Scalar> {
  return Object.fromEntries(names.map((name) => [name, value]));
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined;
}
