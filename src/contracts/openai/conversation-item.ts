/**
 * Items of a conversation as clients send them, spelt as on the wire; what is `null` or absent there is absent here.
 * @see openai-openapi 2.3.0, InputItem: EasyInputMessage, InputMessage, OutputMessage, FunctionToolCall,
 * FunctionCallOutputItemParam, CustomToolCall, CustomToolCallOutput
 */
import type { ChatMessage } from './chat-completion.js';

export type InputItemPart =
  | { type: 'input_text' | 'output_text' | 'text'; text: string }
  | { type: 'input_image'; image_url: string; detail?: 'auto' | 'low' | 'high' }
  | { type: 'input_file'; filename?: string; file_data?: string; file_id?: string }
  | { type: 'input_audio'; input_audio: { data: string; format: 'wav' | 'mp3' } }
  | { type: 'refusal'; refusal: string };

export type InputItemContent = string | readonly InputItemPart[];

export interface InputMessageItem {
  type: 'message';
  role: 'user' | 'assistant';
  content: InputItemContent;
  name?: string;
}

export interface FunctionCallItem {
  type: 'function_call';
  call_id: string;
  name: string;
  arguments: string;
}

/** Answers a call by `call_id`; the deprecated `function` messages answer by `name`. */
export type FunctionCallOutputItem = { type: 'function_call_output'; output: InputItemContent } & (
  { call_id: string } | { call_id?: undefined; name: string }
);

export interface CustomToolCallItem {
  type: 'custom_tool_call';
  call_id: string;
  name: string;
  input: string;
}

export interface CustomToolCallOutputItem {
  type: 'custom_tool_call_output';
  call_id: string;
  output: InputItemContent;
}

/** A message of chat completions, as it is, is an item too: it has no `type`. */
export type InputItem =
  | InputMessageItem
  | FunctionCallItem
  | FunctionCallOutputItem
  | CustomToolCallItem
  | CustomToolCallOutputItem
  | (ChatMessage & { type?: undefined });
