/**
 * What clients must get, in one wording for all of them: the name of a client's test, and a row of docs/conformance.md.
 */
export const PROMISES = {
  create: 'case 95: gets an answer with its token counts',
  stream: 'case 41: streams the text of the whole answer',
  streamHelper: 'case 95: its own helper puts a stream together, on Q with what follows [DONE] (case 59)',
  usageAsked: 'case 44: gets usage at the end of a stream when it asks for it',
  usageNotAsked: 'case 43: gets no chunk without choices when it does not ask for usage (case 60)',
  choices: 'case 45: gets two choices and one usage, whole and streamed',
  structured: 'case 102: parses an answer of a strict JSON schema (case 95)',
  toolLoop: 'case 95: runs a tool and gets the answer about its result',
  toolAnswer: 'case 85: reads tool calls of an answer without text',
  toolStream: 'case 54: puts two streamed tool calls together',
  models: 'case 95: lists the models and retrieves one by an id with a slash (cases 69, 87)',
  completions: 'case 95: gets a legacy completion, whole and streamed (cases 88, 93)',
  reasoning: 'case 57: reads reasoning apart from the answer, whole and streamed',
  bytes: 'case 46: reads text that arrived in single bytes',
  heartbeat: 'case 47: is not disturbed by comments in a slow stream',
  headerKey: 'case 3: is let in by X-API-Key beside a dummy key',
  badKey: 'case 96: tells a wrong key, with the message',
  badBody: 'case 97: tells the field of a refused request',
  noModel: 'case 27: tells that a model does not exist',
  rateLimit: 'case 98: comes back once after a 429, when it was told to (case 32)',
  upstreamFailed: 'case 98: an upstream that fails is a 499 that it does not repeat, or a 502 (cases 29, 64)',
  upstreamSilent: 'case 64: an upstream that is silent too long ends it after one request (case 30)',
  bug: 'case 31: meets our own bug as a 500 and tries twice more',
  failsEarly: 'case 48: a stream that fails before its first token is an HTTP error',
  failsMidway: 'case 49: a stream that breaks midway raises an error, never a short answer',
  lengthCut: 'case 99: refuses to parse an answer that was cut by its length',
  filtered: 'case 99: learns that an answer was withheld',
} as const;

export type PromiseName = keyof typeof PROMISES;
