import { ApiExtraModels, ApiProperty, ApiSchema, getSchemaPath } from '@nestjs/swagger';
import { ListPage } from './list-page.dto.js';

@ApiSchema({ name: 'InputTextContent' })
export class InputTextObject {
  @ApiProperty({ enum: ['input_text'] })
  type!: 'input_text';

  @ApiProperty({ example: 'What is the capital of France?' })
  text!: string;
}

@ApiSchema({ name: 'OutputTextContent' })
export class OutputTextObject {
  @ApiProperty({ enum: ['output_text'] })
  type!: 'output_text';

  @ApiProperty({ example: 'The capital of France is Paris.' })
  text!: string;

  @ApiProperty({ type: 'array', items: { type: 'object' }, description: 'Always empty.', example: [] })
  annotations!: never[];

  @ApiProperty({ type: 'array', items: { type: 'object' }, description: 'Always empty.', example: [] })
  logprobs!: never[];
}

@ApiSchema({ name: 'RefusalContent' })
export class RefusalObject {
  @ApiProperty({ enum: ['refusal'] })
  type!: 'refusal';

  @ApiProperty()
  refusal!: string;
}

@ApiSchema({ name: 'InputImageContent' })
export class InputImageObject {
  @ApiProperty({ enum: ['input_image'] })
  type!: 'input_image';

  @ApiProperty({ description: 'A URL, or the image itself in a data URL.' })
  image_url!: string;

  @ApiProperty({ type: String, nullable: true, description: 'Always `null`.', example: null })
  file_id!: null;

  @ApiProperty({ enum: ['auto', 'low', 'high'] })
  detail!: 'auto' | 'low' | 'high';
}

@ApiSchema({ name: 'InputFileContent' })
export class InputFileObject {
  @ApiProperty({ enum: ['input_file'] })
  type!: 'input_file';

  @ApiProperty({ required: false })
  filename?: string;

  @ApiProperty({ required: false, description: 'The file itself, in base64.' })
  file_data?: string;

  @ApiProperty({ required: false, description: 'As an upstream knows it.' })
  file_id?: string;
}

@ApiSchema({ name: 'InputAudioContent' })
export class InputAudioObject {
  @ApiProperty({ enum: ['input_audio'] })
  type!: 'input_audio';

  @ApiProperty({
    type: 'object',
    properties: { data: { type: 'string' }, format: { type: 'string', enum: ['wav', 'mp3'] } },
    required: ['data', 'format'],
  })
  input_audio!: { data: string; format: 'wav' | 'mp3' };
}

export type ItemContent =
  InputTextObject | OutputTextObject | RefusalObject | InputImageObject | InputFileObject | InputAudioObject;

const CONTENTS = [
  InputTextObject,
  OutputTextObject,
  RefusalObject,
  InputImageObject,
  InputFileObject,
  InputAudioObject,
];

/** @see openai-openapi 2.3.0, Message */
@ApiSchema({ name: 'ConversationMessage' })
@ApiExtraModels(...CONTENTS)
export class MessageItemObject {
  @ApiProperty({ example: 'msg_6b3a57d21c8e4f0995b1b9b0a7c2f3e4' })
  id!: string;

  @ApiProperty({ enum: ['message'] })
  type!: 'message';

  @ApiProperty({ enum: ['completed'] })
  status!: 'completed';

  @ApiProperty({ enum: ['user', 'assistant'] })
  role!: 'user' | 'assistant';

  @ApiProperty({
    type: 'array',
    items: { oneOf: CONTENTS.map((content) => ({ $ref: getSchemaPath(content) })) },
    description: 'What was said, in order.',
  })
  content!: ItemContent[];

  @ApiProperty({ required: false, description: 'Of the speaker, where the client gave one.' })
  name?: string;
}

/** @see openai-openapi 2.3.0, FunctionToolCallResource */
@ApiSchema({ name: 'ConversationFunctionCall' })
export class FunctionCallItemObject {
  @ApiProperty({ example: 'fc_6b3a57d21c8e4f0995b1b9b0a7c2f3e4_4a1fd9c02b7e' })
  id!: string;

  @ApiProperty({ enum: ['function_call'] })
  type!: 'function_call';

  @ApiProperty({ enum: ['completed'] })
  status!: 'completed';

  @ApiProperty({ description: 'What the output names.', example: 'call_a1b2c3d4e5f6a7b8c9d0e1f2' })
  call_id!: string;

  @ApiProperty({ example: 'get_weather' })
  name!: string;

  @ApiProperty({ description: 'JSON text, as the model wrote it.', example: '{"city":"Paris"}' })
  arguments!: string;
}

/** @see openai-openapi 2.3.0, FunctionToolCallOutputResource */
@ApiSchema({ name: 'ConversationFunctionCallOutput' })
@ApiExtraModels(InputTextObject)
export class FunctionCallOutputItemObject {
  @ApiProperty({ example: 'fco_6b3a57d21c8e4f0995b1b9b0a7c2f3e4' })
  id!: string;

  @ApiProperty({ enum: ['function_call_output', 'custom_tool_call_output'] })
  type!: 'function_call_output' | 'custom_tool_call_output';

  @ApiProperty({ enum: ['completed'] })
  status!: 'completed';

  @ApiProperty({ required: false, description: 'Of the call; absent where it answers by `name`.' })
  call_id?: string;

  @ApiProperty({ required: false, description: 'Of the function, where the client gave it.' })
  name?: string;

  @ApiProperty({
    oneOf: [{ type: 'string' }, { type: 'array', items: { $ref: getSchemaPath(InputTextObject) } }],
    example: '{"degrees":21}',
  })
  output!: string | InputTextObject[];
}

/** @see openai-openapi 2.3.0, CustomToolCall */
@ApiSchema({ name: 'ConversationCustomToolCall' })
export class CustomToolCallItemObject {
  @ApiProperty({ example: 'ctc_6b3a57d21c8e4f0995b1b9b0a7c2f3e4_4a1fd9c02b7e' })
  id!: string;

  @ApiProperty({ enum: ['custom_tool_call'] })
  type!: 'custom_tool_call';

  @ApiProperty({ enum: ['completed'] })
  status!: 'completed';

  @ApiProperty({ description: 'What the output names.' })
  call_id!: string;

  @ApiProperty()
  name!: string;

  @ApiProperty({ description: 'Text of any form.' })
  input!: string;
}

export type ConversationItem =
  MessageItemObject | FunctionCallItemObject | FunctionCallOutputItemObject | CustomToolCallItemObject;

export const ITEM_CLASSES = [
  MessageItemObject,
  FunctionCallItemObject,
  FunctionCallOutputItemObject,
  CustomToolCallItemObject,
] as const;

/** @see openai-openapi 2.3.0, ConversationItemList */
@ApiExtraModels(...ITEM_CLASSES)
export class ConversationItemList extends ListPage {
  @ApiProperty({
    type: 'array',
    items: { oneOf: ITEM_CLASSES.map((item) => ({ $ref: getSchemaPath(item) })) },
  })
  data!: ConversationItem[];
}
