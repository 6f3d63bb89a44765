import type OpenAI from 'openai';

export type OpenAIClass = typeof OpenAI;
export type ApiError = InstanceType<OpenAIClass['APIError']>;

/** A client of some major of openai-node for the surface under test. */
export type Connect = (options?: NonNullable<ConstructorParameters<OpenAIClass>[0]>) => OpenAI;

/** `parse`, `stream` and `runTools`: under `beta` until version 5. */
export function helpersOf(client: OpenAI): OpenAI.Chat.Completions {
  if ('runTools' in client.chat.completions) return client.chat.completions;
  return (client as unknown as { beta: OpenAI }).beta.chat.completions;
}

export async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  try {
    await promise;
  } catch (error) {
    return error as ApiError;
  }
  throw new Error('it succeeded');
}

/** `requestID` since version 5, `request_id` before. */
export function requestIdOf(error: ApiError): string | null | undefined {
  return error.requestID ?? (error as unknown as { request_id: string }).request_id;
}
