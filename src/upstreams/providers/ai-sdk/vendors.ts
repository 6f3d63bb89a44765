import { anthropicOptions } from './anthropic-options.js';
import { googleOptions } from './google-options.js';
import { ANTHROPIC_MODELS, GOOGLE_MODELS } from './model-list.js';
import type { Vendor } from './vendor.js';

export type VendorName = 'anthropic' | 'google';

/** The vendors we speak to through AI SDK packages. A new one is a row here and its package in package.json. */
export const VENDORS: Readonly<Record<VendorName, Vendor>> = {
  /**
   * @see https://docs.claude.com/en/api/messages
   * @see https://docs.claude.com/en/api/errors
   */
  anthropic: {
    defaultBaseUrl: 'https://api.anthropic.com/v1',
    load: async () => {
      const [{ createAnthropic }, { getModelCapabilities }] = await Promise.all([
        import('@ai-sdk/anthropic'),
        import('@ai-sdk/anthropic/internal'),
      ]);
      return {
        model: (id, { apiKey, baseUrl, fetch, generateId }) =>
          createAnthropic({ apiKey, baseURL: baseUrl, fetch, generateId })(id),
        options: (ask) => anthropicOptions(ask, getModelCapabilities(ask.modelId)),
      };
    },
    protocols: ['messages'],
    models: ANTHROPIC_MODELS,
    media: ['image/', 'application/pdf', 'text/plain'],
    jsonObject: 'instruction',
    failedFinishReasons: [],
    contextTooLong: /prompt is too long|exceed(?:s|ed)? (?:the )?context (?:limit|window)/i,
    operatorFault:
      /credit balance is too low|specified API usage limits|organization has been disabled|^billing_error/i,
  },
  /**
   * @see https://ai.google.dev/api/generate-content
   * @see https://ai.google.dev/gemini-api/docs/troubleshooting
   */
  google: {
    defaultBaseUrl: 'https://generativelanguage.googleapis.com/v1beta',
    load: async () => {
      const { createGoogle } = await import('@ai-sdk/google');
      return {
        model: (id, { apiKey, baseUrl, fetch, generateId }) =>
          createGoogle({ apiKey, baseURL: baseUrl, fetch, generateId })(id),
        options: googleOptions,
      };
    },
    protocols: ['gemini'],
    models: GOOGLE_MODELS,
    media: ['image/', 'audio/', 'video/', 'text/', 'application/pdf', 'application/json'],
    jsonObject: 'native',
    failedFinishReasons: [
      'MALFORMED_FUNCTION_CALL',
      'MALFORMED_RESPONSE',
      'MISSING_THOUGHT_SIGNATURE',
      'TOO_MANY_TOOL_CALLS',
      'UNEXPECTED_TOOL_CALL',
      'OTHER',
    ],
    contextTooLong: /token count .*exceeds the maximum number of tokens/i,
    operatorFault: /API key (?:not valid|not found|expired)|location is not supported|enable billing/i,
  },
};
