/** A text of about so many characters that costs more to read than it looks. */
type Costly = (chars: number) => string;

const repeated =
  (unit: string): Costly =>
  (chars) =>
    unit.repeat(Math.ceil(chars / unit.length));

/** Texts that are long in the one way or the other that some algorithm has no answer to. */
export const COSTLY_TEXTS: Readonly<Record<string, Costly>> = {
  'one letter': repeated('a'),
  words: repeated('word '),
  blanks: (chars) => `a${repeated(' ')(chars)}b`,
  'lines of CR': (chars) => `a${repeated('\r')(chars)}b`,
  'lines of CRLF': repeated('a\r\n'),
  'empty lines': (chars) => `a${repeated('\n')(chars)}b`,
  digits: repeated('7'),
  signs: repeated('!?'),
  braces: repeated('{{'),
  'names in braces': repeated('{{v}}'),
  'escapes of JSON': repeated('\\"'),
  'empty objects': (chars) => `[${repeated('{},')(chars)}{}]`,
  'nested arrays': repeated('['),
  'numbers of JSON': (chars) => `[${repeated('0,')(chars)}0]`,
  'Latin letters with accents': repeated('é'),
  'Chinese characters': repeated('天'),
  'letters to be composed': repeated('e\u0301'),
  'letters to be replaced': repeated('\u2126'),
  'Hangul to be composed': repeated('\u1112\u1161\u11ab'),
  'vowels of Hangul': repeated('\u1161'),
  'marks in the wrong order': (chars) => `a${repeated('\u0300')(chars / 2)}${repeated('\u0316')(chars / 2)}`,
  'marks in turn': (chars) => `a${repeated('\u0300\u0316')(chars)}`,
  'marks of three kinds': (chars) => `a${repeated('\u0f74\u0f72\u0f71')(chars)}`,
  'marks of two halves': (chars) => `a${repeated('\u{1d165}\u{1d16d}\u{1d17b}')(chars)}`,
  'thirty marks on each letter': repeated(`a${'\u0300'.repeat(15)}${'\u0316'.repeat(15)}`),
  'families of emoji': repeated('👩\u200d'),
  'characters of two halves': repeated('😀'),
  'selectors of variants': (chars) => `a${repeated('\ufe0f')(chars)}`,
  'addresses of data': repeated('data:;'),
  'parameters of data': (chars) => `data:${repeated(';a')(chars)}`,
  'words of a key': repeated('sk-'),
};
