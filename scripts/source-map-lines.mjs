// A source map says where each word of a file comes from. Node reads the maps of all that it loads, at start: of the whole
// program these are some 80 MB of memory for columns that no stack trace needs.

const DIGITS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const VALUES = new Map([...DIGITS].map((digit, value) => [digit, value]));
const MORE = 32;

/**
 * Leaves of a source map what tells files and lines: a mapping wherever the source line changes, none within it.
 *
 * @param {string} text a source map, version 3
 * @param {(source: string) => boolean} isKept which sources are told; what is of others has no mapping
 * @returns {string | undefined} nothing, where nothing is left to tell
 */
export function linesOnly(text, isKept = () => true) {
  const map = JSON.parse(text);
  const kept = new Map();
  const sources = [];
  const numberOf = (source) => {
    if (!kept.has(source)) {
      const name = map.sources[source];
      kept.set(source, isKept(name) ? sources.push(name) - 1 : undefined);
    }
    return kept.get(source);
  };
  let source = 0;
  let line = 0;
  let lastSource = 0;
  let lastLine = 0;
  const mappings = map.mappings.split(';').map((generated) => {
    let column = 0;
    let lastColumn = 0;
    let told;
    const segments = [];
    for (const segment of generated === '' ? [] : generated.split(',')) {
      const [columns, sourceStep, lineStep] = decode(segment);
      column += columns;
      source += sourceStep ?? 0;
      line += lineStep ?? 0;
      const number = sourceStep === undefined ? undefined : numberOf(source);
      const place = number === undefined ? '' : `${number}:${line}`;
      if (place === told) continue;
      told = place;
      segments.push(
        number === undefined
          ? encode([column - lastColumn])
          : encode([column - lastColumn, number - lastSource, line - lastLine, 0]),
      );
      lastColumn = column;
      if (number !== undefined) {
        lastSource = number;
        lastLine = line;
      }
    }
    return segments.join(',');
  });
  if (sources.length === 0) return undefined;
  return JSON.stringify({ version: 3, sources, names: [], mappings: mappings.join(';') });
}

function decode(segment) {
  const numbers = [];
  let value = 0;
  let shift = 0;
  for (const digit of segment) {
    const bits = VALUES.get(digit);
    value += (bits & ~MORE) << shift;
    shift += 5;
    if (bits & MORE) continue;
    numbers.push(value & 1 ? -(value >> 1) : value >> 1);
    value = 0;
    shift = 0;
  }
  return numbers;
}

function encode(numbers) {
  let text = '';
  for (const number of numbers) {
    let value = number < 0 ? (-number << 1) | 1 : number << 1;
    do {
      const rest = value >>> 5;
      text += DIGITS[(value & 31) | (rest > 0 ? MORE : 0)];
      value = rest;
    } while (value > 0);
  }
  return text;
}
