/** What clients must get of chatbots and conversations, in one wording for all of them: see `promises.ts`. */
export const CHATBOT_PROMISES = {
  remembers: 'case 28: its chatbot remembers what was said before, whole or streamed',
  apart: 'case 28: another conversation, chatbot or key knows nothing of it',
  begins: 'case 28: learns the id of the conversation that was begun for it, and goes on with it',
  named: 'case 28: is told its conversation in the body and in a header, of a stream in the last event',
  resends: 'case 28: may send the whole history each time, and nothing doubles',
  toolLoop: 'case 28: runs a tool with the whole history, and the chatbot remembers it',
  toolResult: 'case 28: may send the result of a tool alone',
  settings: 'case 16: gets the chatbot’s own settings, and those that it asks for instead',
  unknown: 'case 27: tells that a chatbot or a conversation does not exist',
  forbidden: 'case 27: tells that a chatbot is not for its key',
  failed: 'case 29: a turn that failed is a 499 that it does not repeat, and is not remembered',
  ordered: 'case 28: gets its requests of one conversation answered one after the other',
  busy: 'case 28: is refused a request too many with a 409',
} as const;

export type ChatbotPromise = keyof typeof CHATBOT_PROMISES;
