import {
  isCollection,
  isNode,
  isPair,
  visit,
  type Document,
  type Node,
  type ErrorCode,
  type YAMLError,
} from 'yaml';

export interface SyntaxFault {
  /** Characters from the start of the text. */
  readonly offset: number;
  readonly message: string;
}

/** After these the rest of the text is still what it says. */
const HARMLESS: readonly ErrorCode[] = ['DUPLICATE_KEY', 'TAG_RESOLVE_FAILED'];

const INDENTATION =
  'is indented otherwise than what it belongs to; what is of one mapping or list starts at one column';

/** For who does not speak YAML; for codes that are missing here the parser's own words do. */
const WORDS: Readonly<Partial<Record<ErrorCode, string>>> = {
  BAD_INDENT: INDENTATION,
  BLOCK_AS_IMPLICIT_KEY:
    'has a key behind it: the next line is indented too far, or this is a text with ": " in it, which needs quotes',
  MULTILINE_IMPLICIT_KEY: 'is a key without ": " behind it, a colon with a space',
  MULTIPLE_DOCS: 'begins a second document (---); the file must be one',
};

/**
 * What makes the text no YAML: the first fault alone, as those behind it mostly follow from it. A tab that indents
 * counts as the first of all.
 *
 * @param document parsed without pretty errors
 */
export function firstSyntaxFault(document: Document.Parsed, text: string): SyntaxFault | undefined {
  const errors = document.errors.filter(({ code }) => !HARMLESS.includes(code));
  const first = errors.find(({ code }) => code === 'TAB_AS_INDENT') ?? errors[0];
  if (first === undefined) return danglingAlias(document);
  return indentingTab(first, text) ?? neverClosed(first, document, text) ?? told(first);
}

/** What is wrong with a text that can be read all the same. */
export function harmlessFaults(document: Document.Parsed, text: string): SyntaxFault[] {
  return [...document.errors, ...document.warnings].map((error) => {
    const [offset] = error.pos;
    if (error.code !== 'DUPLICATE_KEY') return told(error);
    const key = /^["']?([\w./-]+)/.exec(text.slice(offset))?.[1];
    return { offset, message: `${key === undefined ? 'a key' : `"${key}"`} is there twice; keep one` };
  });
}

function told({ code, message, pos: [offset] }: YAMLError): SyntaxFault {
  if (message.includes('without - indicator')) return { offset, message: INDENTATION };
  if (message.endsWith('at node end')) {
    return { offset, message: 'stands behind a value that has ended; is a quote missing, or one too many?' };
  }
  return { offset, message: WORDS[code] ?? message.split('\n', 1)[0] ?? 'is not YAML' };
}

/** A tab before the first word of the line where the parser gave up. */
function indentingTab({ pos: [offset] }: YAMLError, text: string): SyntaxFault | undefined {
  const start = text.lastIndexOf('\n', offset - 1) + 1;
  const tab = /^[ -]*\t/.exec(text.slice(start))?.[0].length;
  if (tab === undefined) return undefined;
  return {
    offset: start + tab - 1,
    message: 'is a tab; YAML is indented with spaces alone. Put two spaces in the place of each tab',
  };
}

const OPENERS: Readonly<Record<string, string>> = { '}': '{', ']': '[', '"': '"', "'": "'" };

/** The innermost quote or bracket that is open where the parser gave up: there the mistake is, not at its end. */
function neverClosed(
  { message, pos: [offset] }: YAMLError,
  document: Document.Parsed,
  text: string,
): SyntaxFault | undefined {
  const closer = /(?:end with a|closing) (["'\]}])/.exec(message)?.[1];
  if (closer === undefined) return undefined;
  let opened: number | undefined;
  visit(document, {
    Node(_, node) {
      const [start, valueEnd, end] = node.range ?? [0, 0, 0];
      const isClosed =
        text[valueEnd - 1] === closer && valueEnd - 1 > Math.max(start, endOfContent(node) - 1);
      if (text[start] !== OPENERS[closer] || isClosed) return;
      if (start <= offset && offset <= end) opened = Math.max(opened ?? 0, start);
    },
  });
  return opened === undefined
    ? undefined
    : { offset: opened, message: `${text[opened]} opens here and is not closed by ${closer}` };
}

/** Where the last thing in a collection ends; 0: nothing is in it. */
function endOfContent(node: Node): number {
  const last: unknown = isCollection(node) ? node.items.at(-1) : undefined;
  const within = isPair(last) ? (last.value ?? last.key) : last;
  return isNode(within) ? (within.range?.[1] ?? 0) : 0;
}

function danglingAlias(document: Document.Parsed): SyntaxFault | undefined {
  const anchors = new Set<string>();
  let fault: SyntaxFault | undefined;
  visit(document, {
    Alias(_, { source, range }) {
      if (anchors.has(source)) return undefined;
      fault = { offset: range?.[0] ?? 0, message: `*${source} repeats what no &${source} above it names` };
      return visit.BREAK;
    },
    Value(_, { anchor }) {
      if (anchor !== undefined) anchors.add(anchor);
    },
  });
  return fault;
}
