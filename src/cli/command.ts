import type { AdminRequest } from './admin-client.js';
import type { Json } from './json.js';
import type { Option } from './option.js';

/** What a command was called with. */
export interface CommandArguments {
  /** One for each of the command's positionals, in order. */
  readonly positionals: readonly string[];
  /** By wire name; what was not given is not there. */
  readonly fields: Json;
}

interface CommandFace {
  /** `keys create` */
  readonly name: string;
  readonly summary: string;
  /** Names of the arguments that stand without `--`; all are required. */
  readonly positionals: readonly string[];
  /** By name without `--`. */
  readonly options: Readonly<Record<string, Option>>;
  /** The options that only say what was read before; without any other there is nothing to do. Default: anything goes. */
  readonly guards?: readonly string[];
  /** The answer, for people. */
  readonly show: (answer: Json) => string;
  /** Whether the answer is what one hopes for; if not, the tool ends with 1. Default: every answer is. */
  readonly isGood?: (answer: Json) => boolean;
}

/** One that asks a running server, or one that looks here and needs none. */
export type Command = CommandFace &
  (
    | { readonly request: (given: CommandArguments) => AdminRequest }
    | { readonly here: (given: CommandArguments) => Json | Promise<Json> }
  );
