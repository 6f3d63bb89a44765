import type { ModelConfig } from './app-config.js';

/** Every sandbox model by what follows `sandbox/`, which is also its upstream id, and what it is for. */
const SANDBOX_MODELS: Readonly<Record<string, string>> = {
  chat: 'Answers about the conversation it was given.',
  echo: 'Repeats the last user message.',
  reasoner: 'Thinks aloud (reasoning_content) before it answers.',
  slow: 'Answers slowly.',
  'error-400': 'Refuses every request as invalid.',
  'error-429': 'Is always rate limited.',
  'error-500': 'Always fails.',
  'error-503': 'Is always unavailable.',
  timeout: 'Accepts the request and never answers.',
  disconnect: 'Closes the connection in the middle of its answer.',
  stall: 'Falls silent in the middle of its answer.',
  empty: 'Answers with no text.',
  refusal: 'Declines every request politely.',
  'no-usage': 'Answers without reporting token counts.',
  truncated: 'Ends its stream without a finish reason.',
};

/** What a route to the sandbox can name. */
export const SANDBOX_MODEL_NAMES: readonly string[] = Object.keys(SANDBOX_MODELS);

/** 2026-11-22 00:00 UTC. */
const CREATED = 1_795_305_600;

/** The models of the built-in sandbox, priced like a small real model; they need no network. */
export function sandboxModels(upstream: string): ModelConfig[] {
  return Object.entries(SANDBOX_MODELS).map(([model, description]) => ({
    id: `sandbox/${model}`,
    name: `Sandbox ${model}`,
    description,
    ownedBy: 'tollgate',
    created: CREATED,
    contextLength: 131_072,
    maxCompletionTokens: 16_384,
    pricing: { prompt: '0.00000015', completion: '0.0000006' },
    completions: 'native',
    routes: [{ upstream, model, priority: 1, weight: 1 }],
  }));
}
