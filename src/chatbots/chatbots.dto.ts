import { ApiSchema } from '@nestjs/swagger';
import type { ResponseFormat, Tool, ToolChoice } from '../contracts/openai/chat-completion.js';
import { PageDto } from '../contracts/accounts/paging.js';
import { Field } from '../contracts/validation/field.decorator.js';
import { KnownFieldsOnly } from '../contracts/validation/known-fields-only.decorator.js';
import { choice, decimal, flag } from '../contracts/validation/primitives.js';
import { idFilter, name, version } from '../contracts/validation/record-fields.js';
import { maxTokens, modelId, penalty, seed } from '../contracts/validation/sampling.js';
import { toolChoiceForms } from '../contracts/validation/tools.js';
import { OVERRIDABLE_FIELDS, type OverridableField } from './chatbot.js';
import {
  description,
  format,
  keys,
  memory,
  overrides,
  stop,
  systemPrompt,
  tools,
  variables,
} from './chatbot-fields.js';
import { Examples } from '../contracts/validation/request-examples.decorator.js';

/** A memory policy on the wire. */
export type MemoryFields =
  | { policy: 'none' }
  | { policy: 'turns'; turns: number }
  | { policy: 'window'; max_tokens?: number }
  | { policy: 'summary'; max_tokens?: number; model?: string };

const REVISION = {
  description: '`revision` of the chatbot as it was read; another one is a conflict.',
};

/** The fields of a chatbot that may be left out. In a PATCH, `null` brings the default back. */
class ChatbotFieldsDto {
  @Field(description, { description: 'For people; shown in the list of models.', default: '' })
  description?: string;

  @Field(systemPrompt, {
    description:
      'Comes before everything that a caller sends. `{{name}}` is filled from `metadata.name` of the request, else from `variables`.',
    example: 'You are the assistant of {{company}}. Be brief.',
    default: '',
  })
  system_prompt?: string;

  @Field(variables, {
    description: 'Values of variables that a request does not fill.',
    example: { company: 'ACME' },
    default: {},
  })
  variables?: Record<string, string>;

  @Field(decimal({ min: 0, max: 2 }), { description: 'Absent: 0.7.' })
  temperature?: number;

  @Field(decimal({ min: 0, max: 1 }), { description: 'Absent: 1.' })
  top_p?: number;

  @Field(maxTokens(1), { description: 'Most tokens of an answer. Absent: 4096, or what the model has.' })
  max_tokens?: number;

  @Field(stop, { description: 'Up to 4 sequences that end the answer.' })
  stop?: string | string[];

  @Field(penalty, { description: 'Positive values discourage tokens that are present already.' })
  presence_penalty?: number;

  @Field(penalty, { description: 'Positive values discourage tokens by how often they occurred.' })
  frequency_penalty?: number;

  @Field(seed, { description: 'The same seed and request give the same answer where the model can do so.' })
  seed?: number;

  @Field(choice('none', 'minimal', 'low', 'medium', 'high', 'xhigh', 'max'), {
    description: 'How much a reasoning model thinks before it answers.',
  })
  reasoning_effort?: string;

  @Field(choice('low', 'medium', 'high'), { description: 'How long-winded the answer is.' })
  verbosity?: string;

  @Field(tools, { description: 'Tools that the model may call; the caller carries them out.' })
  tools?: Tool[];

  @Field(toolChoiceForms, { description: 'Whether and which of the tools are called.' })
  tool_choice?: ToolChoice;

  @Field(format, { description: 'Form of the answer: text, any JSON object, or JSON of a schema.' })
  response_format?: ResponseFormat;

  @Field(memory, {
    description:
      '`none`; `turns`: the last so many; `window`: as much as fits; `summary`: as much as fits, and a running summary of the rest.',
    example: { policy: 'turns', turns: 10 },
    default: { policy: 'window' },
  })
  memory?: MemoryFields;

  @Field(overrides, {
    description: "What a request's own settings may change.",
    example: ['temperature', 'max_tokens'],
    default: OVERRIDABLE_FIELDS,
  })
  overrides?: OverridableField[];

  @Field(flag, {
    description:
      "Whether callers' `system` and `developer` messages are instructions; if not, they reach the model as the user's.",
    default: false,
  })
  accepts_instructions?: boolean;

  @Field(keys, { description: "Ids of the account's keys that may use it. Absent: all." })
  keys?: string[];

  @Field(flag, { description: 'Keeps the new version from callers until it is published.', default: false })
  draft?: boolean;
}

/** Of a chatbot as it is read. */
const READ_ONLY = [
  'object',
  'id',
  'account_id',
  'version',
  'published_version',
  'status',
  'created',
  'updated',
] as const;

@KnownFieldsOnly(...READ_ONLY, 'revision')
@ApiSchema({ name: 'NewChatbot' })
@Examples({
  'A guide': {
    name: 'Guide',
    model: 'sandbox/chat',
    system_prompt: 'You are a guide to {{city}}. Be brief.',
    variables: { city: 'Paris' },
    memory: { policy: 'turns', turns: 10 },
  },
})
export class NewChatbotDto extends ChatbotFieldsDto {
  @Field(name, {
    required: true,
    description: 'For people; shown in the list of models.',
    example: 'Support',
  })
  name!: string;

  @Field(modelId, {
    required: true,
    description: 'Id of the model behind it.',
    example: 'google/gemini-2.5-flash',
  })
  model!: string;
}

@KnownFieldsOnly(...READ_ONLY)
@ApiSchema({ name: 'ChatbotPatch' })
@Examples({ 'Other instructions': { system_prompt: 'You are a guide to {{city}}.', temperature: 0.3 } })
export class ChatbotPatchDto extends ChatbotFieldsDto {
  @Field(name, { nullMeans: null, description: 'For people; shown in the list of models.' })
  name?: string;

  @Field(modelId, { nullMeans: null, description: 'Id of the model behind it.' })
  model?: string;

  @Field(version, REVISION)
  revision?: number;
}

@KnownFieldsOnly(...READ_ONLY, 'revision')
@ApiSchema({ name: 'NewAccountChatbot' })
@Examples({
  'A guide': {
    account_id: 'acct_3f0c9a5d7b2e4c61a8d09e4f5b6a7c8d',
    name: 'Guide',
    model: 'sandbox/chat',
    system_prompt: 'You are a guide to Paris. Be brief.',
  },
})
export class NewAccountChatbotDto extends NewChatbotDto {
  @Field(idFilter, { required: true, description: 'Whose chatbot it is.' })
  account_id!: string;
}

@KnownFieldsOnly()
export class ChatbotListDto extends PageDto {
  @Field(idFilter, { description: 'Only chatbots of this account.' })
  account_id?: string;
}

@KnownFieldsOnly()
@ApiSchema({ name: 'ChatbotPublication' })
@Examples({ 'The newest version': {}, 'A version': { version: 1 } })
export class PublicationDto {
  @Field(version, { description: 'Absent: the newest.' })
  version?: number;

  @Field(version, REVISION)
  revision?: number;
}

@KnownFieldsOnly()
@ApiSchema({ name: 'ChatbotWithdrawal' })
@Examples({ 'Whatever it is': {} })
export class WithdrawalDto {
  @Field(version, REVISION)
  revision?: number;
}

@KnownFieldsOnly()
@ApiSchema({ name: 'ChatbotDeletion' })
@Examples({ 'Whatever it is': {} })
export class DeletionDto {
  @Field(version, REVISION)
  revision?: number;
}

@KnownFieldsOnly()
@ApiSchema({ name: 'ChatbotRestoration' })
@Examples({ 'As a draft': { draft: true } })
export class RestorationDto {
  @Field(flag, { description: 'Keeps the new version from callers until it is published.', default: false })
  draft?: boolean;

  @Field(version, REVISION)
  revision?: number;
}

export class ComparisonDto {
  @Field(version, { required: true, description: 'A version.' })
  from!: number;

  @Field(version, { required: true, description: 'Another one.' })
  to!: number;
}
