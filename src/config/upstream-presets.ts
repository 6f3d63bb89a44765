import type { UpstreamConfig } from './app-config.js';
import type { Environment } from './env.schema.js';

/** An upstream that one environment variable turns on. */
export interface UpstreamPreset {
  /** Also the prefix of its models' public ids: `openai/gpt-4o-mini`. */
  readonly name: string;
  readonly protocol: UpstreamConfig['protocol'];
  /** The variable that holds the key and turns the upstream on. */
  readonly apiKeyVariable: keyof Environment & `${string}_API_KEY`;
  /** `undefined`: the protocol's own. */
  readonly baseUrl: string | undefined;
  /** A variable that replaces `baseUrl`, where vendors' own clients know one. */
  readonly baseUrlVariable?: keyof Environment & `${string}_BASE_URL`;
  /** Whose prices these are in the price table. */
  readonly priceProvider: string;
}

/**
 * Vendors that need nothing but a key.
 * @see each vendor's page on its OpenAI-compatible endpoint, read 2026-11
 */
export const UPSTREAM_PRESETS: readonly UpstreamPreset[] = [
  {
    name: 'openai',
    protocol: 'openai',
    apiKeyVariable: 'OPENAI_API_KEY',
    baseUrl: 'https://api.openai.com/v1',
    baseUrlVariable: 'OPENAI_BASE_URL',
    priceProvider: 'openai',
  },
  {
    name: 'anthropic',
    protocol: 'anthropic',
    apiKeyVariable: 'ANTHROPIC_API_KEY',
    baseUrl: undefined,
    priceProvider: 'anthropic',
  },
  {
    name: 'google',
    protocol: 'google',
    apiKeyVariable: 'GEMINI_API_KEY',
    baseUrl: undefined,
    priceProvider: 'google',
  },
  {
    name: 'openrouter',
    protocol: 'openai',
    apiKeyVariable: 'OPENROUTER_API_KEY',
    baseUrl: 'https://openrouter.ai/api/v1',
    priceProvider: 'openrouter',
  },
  {
    name: 'groq',
    protocol: 'openai',
    apiKeyVariable: 'GROQ_API_KEY',
    baseUrl: 'https://api.groq.com/openai/v1',
    priceProvider: 'groq',
  },
  {
    name: 'mistral',
    protocol: 'openai',
    apiKeyVariable: 'MISTRAL_API_KEY',
    baseUrl: 'https://api.mistral.ai/v1',
    priceProvider: 'mistral',
  },
  {
    name: 'deepseek',
    protocol: 'openai',
    apiKeyVariable: 'DEEPSEEK_API_KEY',
    baseUrl: 'https://api.deepseek.com/v1',
    priceProvider: 'deepseek',
  },
  {
    name: 'together',
    protocol: 'openai',
    apiKeyVariable: 'TOGETHER_API_KEY',
    baseUrl: 'https://api.together.xyz/v1',
    priceProvider: 'together',
  },
  {
    name: 'xai',
    protocol: 'openai',
    apiKeyVariable: 'XAI_API_KEY',
    baseUrl: 'https://api.x.ai/v1',
    priceProvider: 'x-ai',
  },
];
