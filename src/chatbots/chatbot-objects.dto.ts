import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import type { ResponseFormat, Tool, ToolChoice } from '../contracts/openai/chat-completion.js';
import { orNull } from '../contracts/validation/composites.js';
import type { Constraint } from '../contracts/validation/rule.js';
import { toolChoiceForms } from '../contracts/validation/tools.js';
import type { OverridableField } from './chatbot.js';
import { format, memory, overrides, stop, tools, variables } from './chatbot-fields.js';
import type { MemoryFields } from './chatbots.dto.js';

/** Published as the field that it was sent as. */
const As = ({ schema }: Constraint): PropertyDecorator => ApiProperty(schema as ApiPropertyOptions);
const AsOrNull = ({ schema }: Constraint): PropertyDecorator =>
  ApiProperty(orNull(schema) as ApiPropertyOptions);

/** What a version of a chatbot says; `null` where nothing is set, which is the default. */
export class ChatbotSettingsObject {
  @ApiProperty({ example: 'Support' })
  name!: string;

  @ApiProperty()
  description!: string;

  @ApiProperty({ example: 'google/gemini-2.5-flash', description: 'Id of the model behind it.' })
  model!: string;

  @ApiProperty({ description: 'As it was written, with its variables.' })
  system_prompt!: string;

  @As(variables)
  variables!: Record<string, string>;

  @ApiProperty({ type: Number, nullable: true })
  temperature!: number | null;

  @ApiProperty({ type: Number, nullable: true })
  top_p!: number | null;

  @ApiProperty({ type: Number, nullable: true })
  max_tokens!: number | null;

  @AsOrNull(stop)
  stop!: string | string[] | null;

  @ApiProperty({ type: Number, nullable: true })
  presence_penalty!: number | null;

  @ApiProperty({ type: Number, nullable: true })
  frequency_penalty!: number | null;

  @ApiProperty({ type: Number, nullable: true })
  seed!: number | null;

  @ApiProperty({ type: String, nullable: true })
  reasoning_effort!: string | null;

  @ApiProperty({ type: String, nullable: true })
  verbosity!: string | null;

  @AsOrNull(tools)
  tools!: readonly Tool[] | null;

  @AsOrNull(toolChoiceForms)
  tool_choice!: ToolChoice | null;

  @AsOrNull(format)
  response_format!: ResponseFormat | null;

  @As(memory)
  memory!: MemoryFields;

  @As(overrides)
  overrides!: readonly OverridableField[];

  @ApiProperty({
    description: "Whether callers' `system` and `developer` messages are instructions.",
  })
  accepts_instructions!: boolean;
}

/** A chatbot with the settings of its newest version. */
export class ChatbotObject extends ChatbotSettingsObject {
  @ApiProperty({ enum: ['chatbot'] })
  object!: 'chatbot';

  @ApiProperty({ example: 'bot_5b1f0c2d9e8a7b6c5d4e3f2a5b1f0c2d', description: 'To be sent as `model`.' })
  id!: string;

  @ApiProperty({ example: 'acct_5b1f0c2d9e8a7b6c5d4e3f2a' })
  account_id!: string;

  @ApiProperty({
    type: [String],
    nullable: true,
    description: 'Ids of the keys that may use it; `null`: all of the account.',
  })
  keys!: readonly string[] | null;

  @ApiProperty({ description: 'The newest version, which is the one shown.' })
  version!: number;

  @ApiProperty({ type: Number, nullable: true, description: 'What callers get.' })
  published_version!: number | null;

  @ApiProperty({ enum: ['published', 'draft'], description: '`draft`: the version shown is not published.' })
  status!: 'published' | 'draft';

  @ApiProperty({ description: 'Raised by every change.' })
  revision!: number;

  @ApiProperty({ description: 'Unix seconds.' })
  created!: number;

  @ApiProperty({ description: 'Unix seconds.' })
  updated!: number;
}

/** One version of a chatbot; never changed. */
export class ChatbotVersionObject extends ChatbotSettingsObject {
  @ApiProperty({ enum: ['chatbot.version'] })
  object!: 'chatbot.version';

  @ApiProperty({ example: 'bot_5b1f0c2d9e8a7b6c5d4e3f2a5b1f0c2d' })
  chatbot_id!: string;

  @ApiProperty({ description: 'From 1.' })
  version!: number;

  @ApiProperty({ description: 'Whether it is what callers get.' })
  published!: boolean;

  @ApiProperty({ type: Number, nullable: true, description: 'The version that it was made equal to.' })
  restored_from!: number | null;

  @ApiProperty({ description: 'Unix seconds.' })
  created!: number;
}

class ListObject {
  @ApiProperty({ enum: ['list'] })
  object!: 'list';

  @ApiProperty()
  has_more!: boolean;

  @ApiProperty({
    type: String,
    nullable: true,
    description: 'To be sent as `cursor` for what follows; `null`: nothing does.',
  })
  next_cursor!: string | null;
}

export class ChatbotList extends ListObject {
  @ApiProperty({ type: [ChatbotObject] })
  data!: readonly ChatbotObject[];
}

export class ChatbotVersionList extends ListObject {
  @ApiProperty({ type: [ChatbotVersionObject] })
  data!: readonly ChatbotVersionObject[];
}

export class ChatbotChange {
  @ApiProperty({ example: 'system_prompt' })
  field!: string;

  @ApiProperty({ description: 'Any JSON.' })
  from!: unknown;

  @ApiProperty({ description: 'Any JSON.' })
  to!: unknown;
}

/** What differs between two versions of a chatbot. */
export class ChatbotComparison {
  @ApiProperty({ enum: ['chatbot.comparison'] })
  object!: 'chatbot.comparison';

  @ApiProperty({ example: 1 })
  from!: number;

  @ApiProperty({ example: 2 })
  to!: number;

  @ApiProperty({ type: [ChatbotChange], description: 'In the order of the fields; empty: nothing differs.' })
  changes!: readonly ChatbotChange[];
}

export class ChatbotDeleted {
  @ApiProperty({ enum: ['chatbot.deleted'] })
  object!: 'chatbot.deleted';

  @ApiProperty({ example: 'bot_5b1f0c2d9e8a7b6c5d4e3f2a5b1f0c2d' })
  id!: string;

  @ApiProperty({ enum: [true] })
  deleted!: true;
}
