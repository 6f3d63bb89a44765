import type { SchemaObject } from '@nestjs/swagger';
import type { Issue, Path } from './issue.js';

/** Where the dialects differ in what they let through. A `Surface` is one. */
export interface SurfaceRules {
  readonly streamOptionsWithoutStream: 'refuse' | 'ignore';
  /** Whether `conversation_id` is part of the dialect; elsewhere it is an unknown field like any other. */
  readonly conversations: boolean;
}

/** The part of a request that fields come from. */
export type Place = 'body' | 'query';

export interface ValidationContext {
  readonly surface: SurfaceRules;
  /** Absent: the body. */
  readonly place?: Place;
}

export interface RuleContext extends ValidationContext {
  /** The request's known top-level fields, unchecked, for rules about two fields at once. */
  readonly request: Readonly<Record<string, unknown>>;
}

export type Report = (issue: Issue) => void;

/** Reports what is wrong with a value at a path. Pure: it reports nothing exactly when the value may be used. */
export type Rule = (value: unknown, path: Path, report: Report, context: RuleContext) => void;

/** All there is to say about one kind of value: what is refused, what is kept, and how it is published. */
export interface Constraint {
  readonly check: Rule;
  /**
   * Rebuilds a value that passed `check`, so that nothing unknown travels on; `undefined` means: as if omitted.
   * Absent: the value is kept as it is.
   */
  readonly pick?: (value: unknown, request: Readonly<Record<string, unknown>>) => unknown;
  readonly schema: SchemaObject;
}

/** A JSON object as `JSON.parse` makes it. */
export function isJsonObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
