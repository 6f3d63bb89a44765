import { Injectable } from '@nestjs/common';
import type { Usage } from '../contracts/openai/chat-completion.js';
import type { Model, Route } from '../models/model.js';
import type { Meter } from './meter.js';

/** More routes than any catalogue has; what is beyond is forgotten. */
const MOST_ROUTES = 10_000;

/** Whether an answer may have been thought about unseen: then only its usage, which comes last, tells what it cost. */
@Injectable()
export class Thinking {
  private readonly routes = new Set<string>();

  /** @param usage as the route reported it, believed */
  note(route: Route, { completion_tokens_details: details }: Usage): void {
    if (details === undefined || details.reasoning_tokens === 0) return;
    if (this.routes.size < MOST_ROUTES) this.routes.add(nameOf(route));
  }

  /**
   * `told`: the operator, the list of known models, the request or the answer itself says so; `learned`: the route has
   * reported it before.
   */
  of(model: Model, route: Route, request: unknown, meter: Meter): 'told' | 'learned' | undefined {
    if (model.reasoning === false) return undefined;
    if (model.reasoning === true || meter.thinks || asksForIt(request)) return 'told';
    return this.routes.has(nameOf(route)) ? 'learned' : undefined;
  }
}

function nameOf({ upstream, upstreamModel }: Route): string {
  return `${upstream} ${upstreamModel}`;
}

/** OpenAI's field. */
function asksForIt(request: unknown): boolean {
  const { reasoning_effort: effort } = request as { readonly reasoning_effort?: unknown };
  return typeof effort === 'string' && effort !== 'none';
}
