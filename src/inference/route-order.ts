import type { Route } from '../models/model.js';

/**
 * The order in which a model's routes are tried: by priority, and within one priority at random by weight.
 *
 * @param random uniform in [0, 1)
 */
export function orderRoutes(routes: readonly Route[], random: () => number): readonly Route[] {
  if (routes.length < 2) return routes;
  const ordered: Route[] = [];
  const byPriority = Map.groupBy(routes, (route) => route.priority);
  for (const priority of [...byPriority.keys()].toSorted((a, b) => a - b)) {
    const candidates = [...(byPriority.get(priority) ?? [])];
    while (candidates.length > 0) ordered.push(...candidates.splice(draw(candidates, random), 1));
  }
  return ordered;
}

function draw(candidates: readonly Route[], random: () => number): number {
  const total = candidates.reduce((sum, route) => sum + route.weight, 0);
  let point = random() * total;
  for (const [index, route] of candidates.entries()) {
    point -= route.weight;
    if (point < 0) return index;
  }
  return candidates.length - 1;
}
