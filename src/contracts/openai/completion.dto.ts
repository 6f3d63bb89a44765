import { ApiSchema } from '@nestjs/swagger';
import { bestOf, prompt } from '../validation/completion-fields.js';
import { Field } from '../validation/field.decorator.js';
import { MAX_CHOICES } from '../validation/limits.js';
import { decimal, flag, integer, text } from '../validation/primitives.js';
import {
  logitBias,
  maxTokens,
  modelId,
  ownText,
  penalty,
  seed,
  stop,
  streamOptions,
} from '../validation/sampling.js';
import type { StreamOptions } from './chat-completion.js';
import type { CompletionPrompt, CompletionRequest } from './completion.js';
import { Examples } from '../validation/request-examples.decorator.js';

/**
 * Body of the legacy `POST …/completions`. Faults are told in the order of the properties.
 * @see openai-openapi 2.3.0, CreateCompletionRequest
 */
@ApiSchema({ name: 'CompletionRequest' })
@Examples({
  'A beginning': { model: 'sandbox/chat', prompt: 'Once upon a time', max_tokens: 32 },
  Streamed: { model: 'sandbox/chat', prompt: 'Once upon a time', max_tokens: 32, stream: true },
  'Several prompts': { model: 'sandbox/echo', prompt: ['One', 'Two'], max_tokens: 8 },
})
export class CompletionDto implements CompletionRequest {
  @Field(modelId, {
    required: true,
    description: 'Id of the model or chatbot, as listed by the models routes.',
    example: 'sandbox/chat',
  })
  model!: string;

  @Field(prompt, {
    required: true,
    // The beginning of a new document, which is what OpenAI's default, `<|endoftext|>`, stands for.
    nullMeans: '',
    description:
      'One prompt (text, or an array of token ids) or several (arrays of either); `null`: an empty one.',
    example: 'Once upon a time',
  })
  prompt!: CompletionPrompt;

  @Field(flag, { description: 'Answer as Server-Sent Events, ended by `data: [DONE]`.', default: false })
  stream?: boolean;

  @Field(streamOptions, {
    description: 'What a stream carries besides text; `include_usage` adds a last chunk with token counts.',
  })
  stream_options?: StreamOptions;

  @Field(decimal({ min: 0, max: 2 }), { description: "Sampling temperature. Absent: the model's own." })
  temperature?: number;

  @Field(decimal({ min: 0, max: 1 }), {
    description: 'Nucleus sampling: consider only tokens that make up this much probability.',
  })
  top_p?: number;

  @Field(integer({ min: 1, max: MAX_CHOICES }), {
    description: 'How many choices to generate per prompt; each is charged.',
    default: 1,
  })
  n?: number;

  @Field(bestOf, {
    description: 'Generate this many per prompt and keep the best `n`; at least `n`, and not with `stream`.',
  })
  best_of?: number;

  @Field(maxTokens(0), { description: 'Most tokens to generate per choice.' })
  max_tokens?: number;

  @Field(flag, { description: 'Put the prompt before the generated text.', default: false })
  echo?: boolean;

  @Field(text(), { description: 'Text that comes after the generated text.' })
  suffix?: string;

  @Field(integer({ min: 0, max: 5 }), {
    description: 'Report log probabilities, with this many alternatives per token.',
  })
  logprobs?: number;

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

  @Field(ownText(), { description: 'A stable id of the end user, not their name.' })
  user?: string;
}
