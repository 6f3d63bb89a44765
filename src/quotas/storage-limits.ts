/** The most that an account may make us store. */
export interface StorageLimits {
  /** Of conversations, stored completions and chatbots with all their versions. */
  readonly storedBytes: number;
  readonly conversations: number;
  readonly storedCompletions: number;
  readonly chatbots: number;
  /** Of each chatbot; older ones are dropped, so nothing is refused for it. */
  readonly chatbotVersions: number;
  /** Of answers that are kept for a repeated `Idempotency-Key`. */
  readonly keptAnswerBytes: number;
}

/** `null`: the configured default. */
export type StorageOverrides = { readonly [Limit in keyof StorageLimits]: number | null };

/** What to change of them; absent: nothing. */
export type StorageChanges = { readonly [Limit in keyof StorageLimits]?: number | null | undefined };

/** What is stored, by the limits that bound it. */
export type StorageUse = Omit<StorageLimits, 'chatbotVersions'>;

/** The fields of an account by which operators set its limits; columns have the same names. */
export const LIMIT_FIELDS = {
  storedBytes: 'max_stored_bytes',
  conversations: 'max_conversations',
  storedCompletions: 'max_stored_completions',
  chatbots: 'max_chatbots',
  chatbotVersions: 'max_chatbot_versions',
  keptAnswerBytes: 'max_kept_answer_bytes',
} as const satisfies Record<keyof StorageLimits, string>;

export type LimitField = (typeof LIMIT_FIELDS)[keyof StorageLimits];

/** What a request under way will store. Of its answer nobody knows the length: that comes on top. */
export interface StorageNeed {
  readonly bytes: number;
  readonly conversations: number;
  readonly completions: number;
  /** Its answer is kept for a repeated `Idempotency-Key`. */
  readonly keepsAnswer: boolean;
}

export const NOTHING_NEEDED: StorageNeed = { bytes: 0, conversations: 0, completions: 0, keepsAnswer: false };

/** Both together; `undefined`: neither stores anything. */
export function needBoth(
  first: StorageNeed | undefined,
  second: StorageNeed | undefined,
): StorageNeed | undefined {
  if (first === undefined || second === undefined) return first ?? second;
  return {
    bytes: first.bytes + second.bytes,
    conversations: first.conversations + second.conversations,
    completions: first.completions + second.completions,
    keepsAnswer: first.keepsAnswer || second.keepsAnswer,
  };
}
