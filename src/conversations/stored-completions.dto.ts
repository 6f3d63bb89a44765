import { metadata } from '../contracts/validation/chat-fields.js';
import { Field } from '../contracts/validation/field.decorator.js';
import { modelId } from '../contracts/validation/sampling.js';
import { CursorPageDto } from './cursor-page.js';
import { Examples } from '../contracts/validation/request-examples.decorator.js';

/** @see openai-openapi 2.3.0, listChatCompletions */
export class CompletionListDto extends CursorPageDto {
  @Field(modelId, { description: 'Only those of this model or chatbot.' })
  model?: string;

  @Field(metadata, { description: 'Only those with all of these pairs: `metadata[key]=text`.' })
  metadata?: Record<string, string>;
}

/** @see openai-openapi 2.3.0, updateChatCompletion */
@Examples({ Metadata: { metadata: { topic: 'travel' } } })
export class CompletionChangesDto {
  @Field(metadata, {
    description: 'In place of those before. Absent: they stay; `null` or `{}`: none.',
    nullMeans: {},
  })
  metadata?: Record<string, string>;
}
