/** `bot_…`, perhaps with `@<version>` or `@draft`. */
const CHATBOT_ID = /^(bot_[0-9a-f]{32})(?:@(draft|[1-9]\d{0,8}))?$/;

/** Whether the `model` of a request can name a chatbot; what cannot is a model's id, or nobody's. */
export function isChatbotId(id: string): boolean {
  return CHATBOT_ID.test(id);
}

/** The chatbot and which of its versions is named; as `published`, what is no chatbot's id. */
export function parseChatbotId(id: string): { id: string; version: 'published' | 'draft' | number } {
  const [, chatbot = id, version = 'published'] = CHATBOT_ID.exec(id) ?? [];
  return {
    id: chatbot,
    version: version === 'draft' || version === 'published' ? version : Number(version),
  };
}
