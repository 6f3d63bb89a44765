const OURS = /^conv_/;

/** Ids that only we give out; one that we do not know is a mistake, never a new conversation. */
export function isOurConversationId(id: string): boolean {
  return OURS.test(id);
}
