/** The published APIs that a door or an upstream can speak. */
export type Protocol = 'chat' | 'completions' | 'embeddings' | 'messages' | 'responses' | 'gemini';
