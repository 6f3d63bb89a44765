const readOnly = new Map<unknown, ReadonlySet<string>>();

/**
 * Refuses unknown fields of a class, so that a misspelt limit is no missing limit. For our own APIs: on the OpenAI wire
 * unknown fields are ignored.
 *
 * @param readOnlyFields that a record has when it is read, and that a request may send back; they change nothing
 */
export function KnownFieldsOnly(...readOnlyFields: readonly string[]): ClassDecorator {
  return (target) => {
    readOnly.set(target, new Set(readOnlyFields));
  };
}

/** @returns the read-only fields of a class that refuses unknown ones; `undefined`: the class ignores them */
export function readOnlyFieldsOf(target: new () => object): ReadonlySet<string> | undefined {
  return readOnly.get(target);
}
