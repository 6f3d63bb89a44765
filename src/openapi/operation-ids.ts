import type { OpenAPIObject } from '@nestjs/swagger';

interface Operation {
  operationId?: string;
}

/** The path that keeps the plain name: where OpenAI's own clients look. */
const PLAIN_BASE = '/v1';

/**
 * Makes the names of operations unique, in place. One handler may serve several paths, and code generators need one
 * name for each: those that share one are told apart by the part of their path that they do not share.
 * `/v1/models` stays `listModels`, `/api/v1/models` becomes `listModels_api_v1`.
 */
export function nameOperations(document: OpenAPIObject): void {
  for (const namesakes of operationsByName(document).values()) {
    if (namesakes.length < 2) continue;
    const shared = sharedSuffix(namesakes.map(({ path }) => path));
    for (const { path, operation } of namesakes) {
      const base = path.slice(0, path.length - shared.length);
      if (base !== PLAIN_BASE) operation.operationId += base === '' ? '_root' : base.replaceAll(/\W+/g, '_');
    }
  }
}

interface NamedOperation {
  readonly path: string;
  readonly operation: Operation;
}

function operationsByName({ paths }: OpenAPIObject): Map<string | undefined, NamedOperation[]> {
  const operations = Object.entries(paths).flatMap(([path, item]) =>
    Object.values(item as Record<string, Operation>).map((operation) => ({ path, operation })),
  );
  return Map.groupBy(operations, ({ operation }) => operation.operationId);
}

/** The longest run of whole segments that all paths end in. */
function sharedSuffix(paths: readonly string[]): string {
  const [first = ''] = paths;
  let start = 0;
  while (!paths.every((path) => path.endsWith(first.slice(start)))) {
    start = first.indexOf('/', start + 1);
    if (start === -1) return '';
  }
  return first.slice(start);
}
