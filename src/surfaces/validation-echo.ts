/**
 * How much of a refused value is sent back. A small request comes back exact; a large one keeps its outline, because
 * an error must not repeat twenty megabytes.
 */
const MAX_NODES = 200;
const MAX_DEPTH = 8;
const MAX_TEXT_CHARS = 1000;
const MAX_TOTAL_CHARS = 10_000;
const CUT = '…';

interface Budget {
  nodes: number;
  chars: number;
}

/** A copy of a JSON value, at most some ten thousand characters of it; what was cut away is marked `…`. */
export function bounded(value: unknown): unknown {
  return cut(value, 0, { nodes: MAX_NODES, chars: MAX_TOTAL_CHARS });
}

function cut(value: unknown, depth: number, budget: Budget): unknown {
  budget.nodes -= 1;
  if (typeof value === 'string') return cutText(value, budget);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === MAX_DEPTH) return CUT;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value as unknown[]) {
      if (budget.nodes <= 0) {
        items.push(CUT);
        break;
      }
      items.push(cut(item, depth + 1, budget));
    }
    return items;
  }
  const entries: [string, unknown][] = [];
  // `for…in` stops where the budget does; `Object.entries` would list a million keys first.
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (budget.nodes <= 0) {
      entries.push([CUT, CUT]);
      break;
    }
    entries.push([cutText(key, budget), cut((value as Record<string, unknown>)[key], depth + 1, budget)]);
  }
  // Defines each entry, so a key `__proto__` stays a key.
  return Object.fromEntries(entries);
}

function cutText(text: string, budget: Budget): string {
  const room = Math.min(MAX_TEXT_CHARS, Math.max(budget.chars, 0));
  budget.chars -= Math.min(text.length, room);
  return text.length > room ? text.slice(0, room) + CUT : text;
}
