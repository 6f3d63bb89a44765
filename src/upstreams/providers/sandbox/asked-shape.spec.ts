import { describe, expect, it } from '@jest/globals';
import type { ChatCompletionRequest } from '../../../contracts/openai/chat-completion.js';
import { findSchema } from './asked-shape.js';
import { getBehaviour } from './behaviour.js';
import { toChatAnswer } from './chat-answer.js';
import { planChat } from './chat-plan.js';
import { Turns } from './turns.js';

const SCHEMA = {
  type: 'object',
  properties: { name: { type: 'string' }, age: { type: 'integer', minimum: 1, maximum: 120 } },
  required: ['name', 'age'],
  additionalProperties: false,
};
const PERSON = { name: expect.any(String), age: expect.any(Number) };

async function answer(request: Partial<ChatCompletionRequest>): Promise<string> {
  const whole = { model: 'chat', messages: [], ...request };
  const turns = new Turns(new AbortController().signal);
  const { choices } = await toChatAnswer(await planChat(whole, getBehaviour('chat'), turns), turns);
  return choices[0]?.message.content ?? '';
}

const system = (content: string) => ({ role: 'system' as const, content });
const user = (content: string) => ({ role: 'user' as const, content });

/** What libraries write, in their own words. */
const PROMPTS: Readonly<Record<string, ChatCompletionRequest['messages']>> = {
  'Instructor, JSON': [
    system(
      `As a genius expert, your task is to understand the content and provide\nthe parsed objects in json that match the following json_schema:\n\n\n${JSON.stringify(SCHEMA, null, 2)}\n\nMake sure to return an instance of the JSON, not the schema itself`,
    ),
    user('Ada is 36'),
  ],
  'the AI SDK': [
    system(
      `JSON schema:\n${JSON.stringify(SCHEMA)}\nYou MUST answer with a JSON object that matches the JSON schema above.`,
    ),
    user('Ada is 36'),
  ],
  'LangChain’s parser, after its examples': [
    user(
      `For example, the example "JSON Schema" instance {{"properties": {{"foo": {{"type": "array"}}}}, "required": ["foo"]}}\nwould match. The object {{"properties": {{"foo": ["bar", "baz"]}}}} is not well-formatted.\n\nHere is the JSON Schema instance your output must adhere to:\n\`\`\`json\n${JSON.stringify(SCHEMA)}\n\`\`\`\nAda's 36`,
    ),
  ],
  LlamaIndex: [
    user(
      `Ada is 36\nHere's a JSON schema to follow:\n${JSON.stringify(SCHEMA)}\n\nOutput a valid JSON object but do not repeat the schema.`,
    ),
  ],
  'a schema within a wrapper': [user(JSON.stringify({ name: 'person', strict: true, schema: SCHEMA }))],
};

describe('a schema in a message', () => {
  it.each(Object.entries(PROMPTS))('is followed: %s', async (_name, messages) => {
    for (const seed of [1, 2, 3]) expect(JSON.parse(await answer({ messages, seed }))).toEqual(PERSON);
    const response_format = { type: 'json_object' as const };
    expect(JSON.parse(await answer({ messages, response_format }))).toEqual(PERSON);
  });

  it('comes after that of response_format', async () => {
    const schema = { type: 'object', properties: { a: { type: 'null' } }, required: ['a'] };
    const response_format = { type: 'json_schema' as const, json_schema: { name: 'x', schema } };
    const messages = PROMPTS['the AI SDK']!;
    expect(JSON.parse(await answer({ messages, response_format }))).toEqual({ a: null });
  });

  it('is asked for by fields, as DSPy does', async () => {
    const instructions = system(
      'All interactions will be structured in the following way, with the appropriate values filled in.\n\n' +
        '[[ ## question ## ]]\n{question}\n\n[[ ## reasoning ## ]]\n{reasoning}\n\n' +
        '[[ ## score ## ]]\n{score}        # note: the value you produce must be a single float value\n\n' +
        '[[ ## mood ## ]]\n{mood}        # note: the value you produce must exactly match (no extra characters) one of: glad; sad\n\n' +
        `[[ ## tags ## ]]\n{tags}        # note: the value you produce must adhere to the JSON schema: {"type": "array", "items": {"type": "string"}}\n\n[[ ## completed ## ]]`,
    );
    const asking = user(
      "[[ ## question ## ]]\nWhy?\n\nRespond with the corresponding output fields, starting with the field `[[ ## reasoning ## ]]`, then `[[ ## score ## ]]` (must be formatted as a valid Python float), then `[[ ## mood ## ]]` (must be formatted as a valid Python Literal['glad', 'sad']), then `[[ ## tags ## ]]` (must be formatted as a valid Python list[str]), and then ending with the marker for `[[ ## completed ## ]]`.",
    );
    expect(await answer({ messages: [instructions, asking] })).toMatch(
      /^\[\[ ## reasoning ## \]\]\n.+\n\n\[\[ ## score ## \]\]\n[\d.]+\n\n\[\[ ## mood ## \]\]\n(glad|sad)\n\n\[\[ ## tags ## \]\]\n\[".*"\]\n\n\[\[ ## completed ## \]\]$/,
    );
    const json = user(
      'Why?\n\nRespond with a JSON object in the following order of fields: `reasoning`, then `score` (must be formatted as a valid Python float).',
    );
    expect(JSON.parse(await answer({ messages: [instructions, json] }))).toEqual({
      reasoning: expect.any(String),
      score: expect.any(Number),
    });
  });

  it.each([
    'What is JSON?',
    'My data is {"type": "invoice", "items": [1, 2]}',
    'Use {name} and {{value}} here',
    '{"properties": {"foo": ["bar"]}}',
    'function f() { return { a: 1 }; }',
  ])('is not seen in %s', async (text) => {
    expect(findSchema(text)).toBeUndefined();
    expect(await answer({ messages: [user(text)] })).toMatch(/^[A-Z].*[.!]/);
  });
});
