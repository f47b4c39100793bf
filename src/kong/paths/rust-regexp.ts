/** Why there is no JavaScript expression for one of Kong's. */
export type RegExpProblem = 'invalid' | 'unsupported';

/** Unicode's word characters, as in Rust. JavaScript's `\w` and `\b` are ASCII. */
const WORD = '\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}';
/** Perl's classes: as they are outside brackets, and what they add to a class in brackets if that can be said. */
const CLASSES: Readonly<Record<string, { alone: string; inside?: string }>> = {
  d: { alone: '\\p{Nd}', inside: '\\p{Nd}' },
  D: { alone: '\\P{Nd}', inside: '\\P{Nd}' },
  s: { alone: '\\p{White_Space}', inside: '\\p{White_Space}' },
  S: { alone: '\\P{White_Space}', inside: '\\P{White_Space}' },
  w: { alone: `[${WORD}]`, inside: WORD },
  W: { alone: `[^${WORD}]` },
};
const ASSERTIONS: Readonly<Record<string, string>> = {
  A: '^',
  z: '$',
  b: `(?:(?<=[${WORD}])(?![${WORD}])|(?<![${WORD}])(?=[${WORD}]))`,
  B: `(?:(?<=[${WORD}])(?=[${WORD}])|(?<![${WORD}])(?![${WORD}]))`,
};
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t', f: '\f', v: '\v', a: '\x07' };
const POSIX: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  digit: '0-9',
  lower: 'a-z',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};

/**
 * Returns a JavaScript expression that matches the same text, and the same part of it, as an expression of Rust's
 * `regex` crate; `invalid` for what the crate refuses, `unsupported` for what has no equal here. Kong 3.9.3 routes with
 * regex 1.10.4.
 *
 * @param source - without flags around it; it is not anchored
 *
 * @see https://docs.rs/regex/1.10.4/regex/#syntax
 */
export function rustRegExp(source: string): RegExp | RegExpProblem {
  const translated = new Translation(Array.from(source)).run();
  if (translated === 'invalid' || translated === 'unsupported') return translated;
  try {
    return new RegExp(translated, 'u');
  } catch {
    // What is left of wrong syntax, such as brackets that do not match, is wrong in both dialects.
    return 'invalid';
  }
}

/**
 * Returns the expression of a route's `~` path, anchored at the start as in Kong.
 *
 * Kong 3.9.3: kong/router/transform.lua, `path_val_transform`. No brackets are put around it: only the first of several
 * alternatives is anchored.
 */
export function pathRegExp(path: string): RegExp | RegExpProblem {
  return rustRegExp(`^${path.slice(1)}`);
}

/** Returns the expression of a header's value that starts with `~*`. Kong 3.9.3 folds it to lower case, classes too. */
export function headerRegExp(value: string): RegExp | RegExpProblem {
  return rustRegExp(asciiLowerCase(value.slice(2)));
}

/** Returns the text with A to Z in lower case, as Lua does it. */
export function asciiLowerCase(text: string): string {
  return text.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
}

/** One pass over the characters of an expression. */
class Translation {
  #at = 0;
  #problem: RegExpProblem | null = null;

  constructor(private readonly chars: readonly string[]) {}

  run(): string {
    let translated = '';
    while (this.#problem === null && this.#at < this.chars.length) translated += this.#next();
    // An empty alternative at the end never matches in Kong, although it does in Rust alone.
    if (this.chars.at(-1) === '|') this.#fail('unsupported');
    return this.#problem ?? translated;
  }

  #next(): string {
    const char = this.#take();
    if (char === '\\') return this.#escape();
    if (char === '[') return this.#class();
    if (char === '(') return this.#group();
    if (char === '.') return '[^\\n]';
    if ('*+?'.includes(char)) return this.#quantifier(char);
    if (char === '{') return this.#quantifier(`{${this.#upTo('}')}}`);
    if ('^$'.includes(char)) return this.#assertion(char);
    return '|)'.includes(char) ? char : literal(char);
  }

  #quantifier(quantifier: string): string {
    if (!/^([*+?]|\{\d+(,\d*)?\})$/.test(quantifier)) return this.#fail('invalid');
    const lazy = this.#takeIf('?');
    // Rust repeats a repetition; JavaScript cannot.
    return isQuantifier(this.chars[this.#at]) ? this.#fail('unsupported') : quantifier + lazy;
  }

  /** Rust repeats a place between two characters; JavaScript cannot, and nobody means it. */
  #assertion(translated: string): string {
    return isQuantifier(this.chars[this.#at]) ? this.#fail('unsupported') : translated;
  }

  #group(): string {
    if (this.#takeIf('?') === '') return '(';
    if (this.#takeIf(':') !== '') return '(?:';
    const isNamed = (this.#takeIf('P') + this.#takeIf('<')).endsWith('<');
    if (!isNamed) return this.#fail(/[=!P]/.test(this.chars[this.#at] ?? '') ? 'invalid' : 'unsupported');
    const name = this.#upTo('>');
    if (/^[A-Za-z_][\w.[\]]*$/.test(name)) return `(?<${name}>`;
    return this.#fail('invalid');
  }

  #escape(): string {
    const char = this.#take();
    const assertion = ASSERTIONS[char];
    if (assertion !== undefined) return this.#assertion(assertion);
    if (char === '<' || char === '>') return this.#fail('unsupported');
    return CLASSES[char]?.alone ?? this.#escapedCharacter(char);
  }

  /** An escape that stands for one character, or for one of Unicode's properties. */
  #escapedCharacter(char: string): string {
    const control = CONTROLS[char];
    if (control !== undefined) return literal(control);
    if (char === 'p' || char === 'P') return this.#property(char);
    if ('xuU'.includes(char) && char !== '') return this.#codePoint({ x: 2, u: 4, U: 8 }[char] ?? 0);
    return /^[ -/:;=?@[-`{-~]$/.test(char) ? literal(char) : this.#fail('invalid');
  }

  #property(letter: string): string {
    const name = this.#takeIf('{') === '' ? this.#take() : this.#upTo('}');
    const escape = `\\${letter}{${name}}`;
    try {
      new RegExp(escape, 'u');
      return escape;
    } catch {
      return this.#fail('unsupported');
    }
  }

  #codePoint(digits: number): string {
    const hex =
      this.#takeIf('{') === '' ? Array.from({ length: digits }, () => this.#take()).join('') : this.#upTo('}');
    const code = /^[0-9a-f]{1,8}$/i.test(hex) ? Number.parseInt(hex, 16) : Number.NaN;
    if (!(code <= 0x10ffff) || (code >= 0xd800 && code <= 0xdfff)) return this.#fail('invalid');
    return literal(String.fromCodePoint(code));
  }

  #class(): string {
    let translated = `[${this.#takeIf('^')}`;
    let isFirst = true;
    for (let char = this.#take(); isFirst || char !== ']'; char = this.#take()) {
      isFirst = false;
      if (char === '' || this.#problem !== null) return this.#fail('invalid');
      translated += this.#classItem(char);
    }
    return `${translated}]`;
  }

  #classItem(char: string): string {
    const next = this.chars[this.#at] ?? '';
    if (char === '[') return next === ':' ? this.#posixClass() : this.#fail('unsupported');
    if ('&-~'.includes(char) && next === char) return this.#fail('unsupported');
    if (char === '\\') {
      const escaped = this.#take();
      const known = CLASSES[escaped];
      if (known !== undefined) return known.inside ?? this.#fail('unsupported');
      return escaped in ASSERTIONS ? this.#fail('invalid') : this.#escapedCharacter(escaped);
    }
    // A minus sign between two characters makes a range in both dialects.
    return char === '-' ? '-' : literal(char);
  }

  #posixClass(): string {
    const name = this.#upTo(']').slice(1, -1);
    return POSIX[name] ?? this.#fail('unsupported');
  }

  #take(): string {
    const char = this.chars[this.#at] ?? '';
    this.#at += 1;
    return char;
  }

  #takeIf(wanted: string): string {
    return this.chars[this.#at] === wanted ? this.#take() : '';
  }

  #upTo(end: string): string {
    const from = this.#at;
    const to = this.chars.indexOf(end, from);
    if (to === -1) return this.#fail('invalid');
    this.#at = to + 1;
    return this.chars.slice(from, to).join('');
  }

  #fail(problem: RegExpProblem): '' {
    this.#problem ??= problem;
    return '';
  }
}

function isQuantifier(char: string | undefined): boolean {
  return char !== undefined && '*+?{'.includes(char);
}

/** Returns a pattern for one character, escaped where it would have a meaning. */
function literal(char: string): string {
  return /^[A-Za-z0-9/_]$/.test(char) ? char : `\\u{${(char.codePointAt(0) ?? 0).toString(16)}}`;
}
