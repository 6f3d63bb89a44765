/** What several clients ask, in OpenAI's words, and what they must get. */
import { expect } from '@jest/globals';

export const HELLO = [{ role: 'user' as const, content: 'Hello, who are you?' }];

export const WEATHER_QUESTION = [{ role: 'user' as const, content: 'What is the weather in Paris?' }];

export const WEATHER_PARAMETERS = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
  additionalProperties: false,
};

export const WEATHER_TOOL = {
  type: 'function' as const,
  function: { name: 'get_weather', description: 'The weather of a city.', parameters: WEATHER_PARAMETERS },
};

/** What the tool says; the sandbox repeats it in the answer about it. */
export const WEATHER_REPORT = 'rain at 14 degrees';

export const PERSON_SCHEMA = {
  type: 'object' as const,
  properties: {
    name: { type: 'string' as const },
    age: { type: 'integer' as const, minimum: 0, maximum: 150 },
    tags: { type: 'array' as const, items: { type: 'string' as const, enum: ['kind', 'curious'] } },
  },
  required: ['name', 'age', 'tags'],
  additionalProperties: false,
};

export const PERSON_FORMAT = {
  type: 'json_schema' as const,
  json_schema: { name: 'person', strict: true, schema: PERSON_SCHEMA },
};

export const ANY_PERSON = expect.objectContaining({
  name: expect.any(String),
  age: expect.any(Number),
  tags: expect.any(Array),
});

/** Text with one to four bytes a character, for streams that are cut between them. */
export const MANY_BYTES = ['Grüße, ', '世界', ' 👩‍👩‍👧 ', 'fin\u{1F3C1}'];

export const TWO_CALLS = [
  { id: 'call_A', name: 'get_weather', arguments: '{"city":"Paris"}' },
  { id: 'call_B', name: 'get_weather', arguments: '{"city":"Oslo"}' },
];

/** The deprecated form of tools. */
export const CALLS_LEGACY_FUNCTION = {
  functions: [WEATHER_TOOL.function],
  function_call: { name: WEATHER_TOOL.function.name },
};
