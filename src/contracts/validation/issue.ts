/**
 * What is wrong with a request, in no dialect's words. `surfaces/validation-openai.ts` and
 * `surfaces/validation-pydantic.ts` say it in theirs; everything that either of them needs stands here.
 */

/** Keys and indices from the top of the body down to a value; empty: the body itself. */
export type Path = readonly (string | number)[];

/** A JSON type as a request may have to be. */
export type ExpectedType = 'string' | 'decimal' | 'integer' | 'boolean' | 'array' | 'object';

/** One way to satisfy a union, and what failed to be it. `label` names it where a dialect lists the ways. */
export interface UnionArm {
  readonly label?: string;
  readonly expected: ExpectedType;
}

export type Fault =
  /** A required field is absent; `input` is the object that lacks it. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'wrong_type'; readonly expected: ExpectedType }
  /** None of the types that a union allows. `expected` reads "one of a string or array of strings". */
  | { readonly kind: 'no_union_arm'; readonly expected: string; readonly arms: readonly UnionArm[] }
  | { readonly kind: 'below'; readonly type: 'decimal' | 'integer'; readonly limit: number }
  | { readonly kind: 'above'; readonly type: 'decimal' | 'integer'; readonly limit: number }
  /** Counted in characters (UTF-16 units), items or properties. */
  | {
      readonly kind: 'too_long' | 'too_short';
      readonly of: 'string' | 'array' | 'object';
      readonly limit: number;
      readonly actual: number;
    }
  /** A value outside a closed list; when `input` is no string, its type is wrong too. */
  | { readonly kind: 'not_supported'; readonly supported: readonly string[] }
  /** `expected` reads "a string without control characters"; without a `pattern` it is no regular expression's to tell. */
  | { readonly kind: 'pattern'; readonly pattern?: string; readonly expected: string }
  /** Fields that are right alone and wrong together. `param` overrides how the path is written. */
  | {
      readonly kind: 'conflict';
      readonly message: string;
      readonly code: string | null;
      readonly param?: string;
    }
  /** A field that its object does not have, in an API that refuses such. `meant` is a field of a similar name. */
  | { readonly kind: 'unknown_field'; readonly meant: string | undefined }
  /** `position` counts characters; `reason` never repeats the body. */
  | { readonly kind: 'malformed_json'; readonly reason: string; readonly position: number }
  | { readonly kind: 'empty_body' }
  | { readonly kind: 'not_an_object' };

/** OpenAI's own words for a fault, where they are not those of its kind; other dialects say the kind. */
export interface OpenAiWords {
  readonly message?: string;
  /** Of a wrong type: completes "expected …". */
  readonly expected?: string;
  readonly param?: string | null;
  readonly code?: string | null;
}

export type Issue = Fault & {
  readonly path: Path;
  /** The offending value as it was sent. */
  readonly input: unknown;
  /** As `path`, with the arm of each union that was taken as a step of its own; absent: the same as `path`. */
  readonly loc?: Path;
  readonly openai?: OpenAiWords;
};

/** A path as OpenAI writes it: `messages[0].role`; empty for the body itself. */
export function formatPath(path: Path): string {
  let text = '';
  for (const step of path) {
    if (typeof step === 'number') text += `[${step}]`;
    else text += text === '' ? step : `.${step}`;
  }
  return text;
}
