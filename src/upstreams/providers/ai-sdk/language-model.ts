/**
 * The AI SDK's language model specification (v4), by way of the provider packages that implement it: the package that
 * declares it is theirs to choose. Types only, so nothing is loaded here.
 * @see https://github.com/vercel/ai, packages/provider/src/language-model/v4
 */
import type { AnthropicProvider } from '@ai-sdk/anthropic';

export type LanguageModel = ReturnType<AnthropicProvider['languageModel']>;
export type CallOptions = Parameters<LanguageModel['doGenerate']>[0];
export type GenerateResult = Awaited<ReturnType<LanguageModel['doGenerate']>>;
export type StreamResult = Awaited<ReturnType<LanguageModel['doStream']>>;

export type Prompt = CallOptions['prompt'];
export type PromptMessage = Prompt[number];
export type UserPart = Extract<PromptMessage, { role: 'user' }>['content'][number];
export type FilePart = Extract<UserPart, { type: 'file' }>;
export type AssistantPart = Extract<PromptMessage, { role: 'assistant' }>['content'][number];
export type ToolPart = Extract<PromptMessage, { role: 'tool' }>['content'][number];
export type FunctionTool = Extract<NonNullable<CallOptions['tools']>[number], { type: 'function' }>;
export type ModelToolChoice = NonNullable<CallOptions['toolChoice']>;
export type ModelResponseFormat = NonNullable<CallOptions['responseFormat']>;
export type ReasoningEffort = Exclude<NonNullable<CallOptions['reasoning']>, 'provider-default'>;

export type Content = GenerateResult['content'][number];
export type ModelUsage = GenerateResult['usage'];
export type ModelFinishReason = GenerateResult['finishReason'];
export type StreamPart = StreamResult['stream'] extends ReadableStream<infer Part> ? Part : never;

/** Media type (`image/*`, `*`) → URLs that the vendor fetches itself; what is not listed, nobody may fetch. */
export type SupportedUrls = Awaited<LanguageModel['supportedUrls']>;
