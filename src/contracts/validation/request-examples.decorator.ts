/** A body that can be sent as it is, by the summary under which the document shows it. */
export type RequestExamples = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const examples = new Map<unknown, RequestExamples>();

/** Gives a class of request bodies examples for the published document; the first is the one that a reader tries. */
export function Examples(given: RequestExamples): ClassDecorator {
  return (target) => {
    examples.set(target, given);
  };
}

/** The option of `ApiBody`; empty: the class has no examples, and tools make one of its schema. */
export function exampled(target: new () => object): {
  examples?: Record<string, { summary: string; value: unknown }>;
} {
  const given = examples.get(target);
  if (given === undefined) return {};
  const named = Object.entries(given).map(([summary, value]) => [nameOf(summary), { summary, value }]);
  return { examples: Object.fromEntries(named) as Record<string, { summary: string; value: unknown }> };
}

/** `With a tool` → `with_a_tool`: names of examples are keys. */
function nameOf(summary: string): string {
  return summary.toLowerCase().replaceAll(/\W+/g, '_');
}
