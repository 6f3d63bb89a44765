import { ApiSchema } from '@nestjs/swagger';
import { audio, metadata, prediction, topLogprobs, webSearchOptions } from '../validation/chat-fields.js';
import { list } from '../validation/composites.js';
import { Field } from '../validation/field.decorator.js';
import { MAX_CHOICES } from '../validation/limits.js';
import { messages } from '../validation/messages.js';
import { choice, decimal, flag, integer } from '../validation/primitives.js';
import { responseFormat } from '../validation/response-format.js';
import {
  conversationId,
  logitBias,
  maxTokens,
  modelId,
  ownText,
  penalty,
  seed,
  stop,
  streamOptions,
} from '../validation/sampling.js';
import { functionCallChoice, functions, parallelToolCalls, toolChoice, tools } from '../validation/tools.js';
import type {
  ChatCompletionRequest,
  ChatMessage,
  FunctionDefinition,
  ResponseFormat,
  StreamOptions,
  Tool,
  ToolChoice,
} from './chat-completion.js';
import { Examples, type RequestExamples } from '../validation/request-examples.decorator.js';

const QUESTION = [{ role: 'user', content: 'What is the capital of France?' }];

const EXAMPLES: RequestExamples = {
  'A question': { model: 'sandbox/chat', messages: QUESTION },
  Streamed: { model: 'sandbox/chat', messages: QUESTION, stream: true },
  'With a tool': {
    model: 'sandbox/chat',
    messages: [{ role: 'user', content: 'Use get_weather for Paris.' }],
    tools: [
      {
        type: 'function',
        function: {
          name: 'get_weather',
          parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
        },
      },
    ],
  },
  'JSON of a schema': {
    model: 'sandbox/chat',
    messages: QUESTION,
    response_format: {
      type: 'json_schema',
      json_schema: {
        name: 'capital',
        strict: true,
        schema: {
          type: 'object',
          properties: { city: { type: 'string' }, inhabitants: { type: 'integer' } },
          required: ['city', 'inhabitants'],
          additionalProperties: false,
        },
      },
    },
  },
  'With an image': {
    model: 'sandbox/chat',
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What is this?' },
          { type: 'image_url', image_url: { url: 'https://example.org/cat.png' } },
        ],
      },
    ],
  },
};

/**
 * Body of `POST …/chat/completions`. Faults are told in the order of the properties.
 * @see openai-openapi 2.3.0, CreateChatCompletionRequest
 */
@ApiSchema({ name: 'ChatCompletionRequest' })
@Examples(EXAMPLES)
export class ChatCompletionDto implements ChatCompletionRequest {
  @Field(modelId, {
    required: true,
    description: 'Id of the model or chatbot, as listed by the models routes.',
    example: 'sandbox/chat',
  })
  model!: string;

  @Field(messages, {
    required: true,
    description: 'The conversation so far, oldest first.',
    example: [{ role: 'user', content: 'What is the capital of France?' }],
  })
  messages!: ChatMessage[];

  @Field(flag, { description: 'Answer as Server-Sent Events, ended by `data: [DONE]`.', default: false })
  stream?: boolean;

  @Field(streamOptions, {
    description: 'What a stream carries besides text; `include_usage` adds a last chunk with token counts.',
  })
  stream_options?: StreamOptions;

  @Field(decimal({ min: 0, max: 2 }), {
    description: "Sampling temperature. Absent: the model's own (a chatbot's setting).",
  })
  temperature?: number;

  @Field(decimal({ min: 0, max: 1 }), {
    description: 'Nucleus sampling: consider only tokens that make up this much probability.',
  })
  top_p?: number;

  @Field(integer({ min: 1, max: MAX_CHOICES }), {
    description: 'How many choices to generate; each is charged.',
    default: 1,
  })
  n?: number;

  @Field(maxTokens(1), {
    description: 'Most tokens to generate per choice. `max_completion_tokens` wins over it.',
  })
  max_tokens?: number;

  @Field(maxTokens(1), {
    description: 'Most tokens to generate per choice, tokens of reasoning included.',
  })
  max_completion_tokens?: number;

  @Field(stop, { description: 'Up to 4 sequences that end the answer; they are not part of it.' })
  stop?: string | string[];

  @Field(penalty, { description: 'Positive values discourage tokens that are present already.', default: 0 })
  presence_penalty?: number;

  @Field(penalty, {
    description: 'Positive values discourage tokens by how often they occurred.',
    default: 0,
  })
  frequency_penalty?: number;

  @Field(seed, { description: 'The same seed and request give the same answer where the model can do so.' })
  seed?: number;

  @Field(logitBias, { description: 'Bias from -100 to 100 per token id.' })
  logit_bias?: Record<string, number>;

  @Field(flag, { description: 'Report the log probabilities of the answer’s tokens.', default: false })
  logprobs?: boolean;

  @Field(topLogprobs, { description: 'How many alternatives to report per token; needs `logprobs`.' })
  top_logprobs?: number;

  @Field(tools, { description: 'Tools that the model may call.' })
  tools?: Tool[];

  @Field(toolChoice, {
    description: 'Whether and which tools are called. Absent: `auto` with tools, `none` without.',
  })
  tool_choice?: ToolChoice;

  @Field(parallelToolCalls, {
    description: 'Whether several tools may be called at once; needs `tools`.',
    default: true,
  })
  parallel_tool_calls?: boolean;

  @Field(functions, { description: 'Use `tools`.', deprecated: true })
  functions?: FunctionDefinition[];

  @Field(functionCallChoice, { description: 'Use `tool_choice`.', deprecated: true })
  function_call?: 'none' | 'auto' | { name: string };

  @Field(responseFormat, { description: 'Form of the answer: text, any JSON object, or JSON of a schema.' })
  response_format?: ResponseFormat;

  @Field(choice('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'), {
    description: 'How much a reasoning model thinks before it answers.',
  })
  reasoning_effort?: string;

  @Field(choice('low', 'medium', 'high'), { description: 'How long-winded the answer is.' })
  verbosity?: string;

  @Field(list(choice('text', 'audio'), { min: 1, max: 2 }), { description: 'What the answer is made of.' })
  modalities?: string[];

  @Field(audio, { description: 'Voice and format of an answer in audio.' })
  audio?: Record<string, unknown>;

  @Field(prediction, { description: 'Text that the answer is expected to repeat in large part.' })
  prediction?: Record<string, unknown>;

  @Field(choice('auto', 'default', 'flex', 'scale', 'priority', 'fast'), {
    description:
      'Processing tier: `auto` and `default` are the standard one, others are what `pricing.tiers` of the model lists.',
  })
  service_tier?: string;

  @Field(flag, {
    description: 'Keep the answer, to be found again at `/v1/chat/completions/{id}`.',
    default: false,
  })
  store?: boolean;

  @Field(metadata, {
    description:
      'Up to 16 pairs of text of the client’s own: kept with a stored answer, and the values of a chatbot’s variables.',
  })
  metadata?: Record<string, string>;

  @Field(ownText(), { description: 'Use `safety_identifier`.', deprecated: true })
  user?: string;

  @Field(ownText(64), { description: 'A stable id of the end user, not their name.' })
  safety_identifier?: string;

  @Field(ownText(), { description: 'Requests with the same key share an upstream prompt cache.' })
  prompt_cache_key?: string;

  @Field(webSearchOptions, {
    description:
      'For models that search the web: those whose `pricing` has `web_search`, which is charged once.',
  })
  web_search_options?: Record<string, unknown>;

  @Field(conversationId, {
    description:
      'The conversation to go on with: chatbots remember it, and plain models one of `/v1/conversations`. Absent or `UID`: a new one.',
    partOf: (surface) => surface.conversations,
  })
  conversation_id?: string;
}
