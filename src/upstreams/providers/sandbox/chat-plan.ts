import type {
  ChatCompletionRequest,
  FinishReason,
  Usage,
} from '../../../contracts/openai/chat-completion.js';
import type { Behaviour } from './behaviour.js';
import { draftChat, type ChatDraft } from './chat-draft.js';
import { readConversation } from './conversation.js';
import { contextTooLong } from './failures.js';
import type { TextFinder } from './find-text.js';
import { readToolDemand, type OfferedTool } from './offered-tools.js';
import { countPromptTokens } from './prompt-tokens.js';
import { SeededRandom, seedInTurns, type Seed } from './random.js';
import { SANDBOX_LIMITS } from './sandbox.models.js';
import { stopsOf, TokenBudget } from './token-limit.js';
import { scoreTokens, type ScoredToken } from './token-logprobs.js';
import type { Turns } from './turns.js';
import { toUsage } from './usage.js';

export interface PlannedToolCall {
  readonly id: string;
  readonly kind: OfferedTool['kind'];
  readonly name: string;
  /** Tokens of the arguments, or of a custom tool's input. */
  readonly input: readonly string[];
}

/** One choice, decided to the last token; the same plan is answered whole or streamed. */
export interface PlannedChoice {
  readonly reasoning: readonly string[];
  readonly content: readonly string[];
  readonly refusal: readonly string[];
  readonly calls: readonly PlannedToolCall[];
  /** The one call goes into the deprecated `function_call`. */
  readonly legacyCall: boolean;
  readonly finish_reason: FinishReason;
  /** Makes one for each token of refusal and content; undefined: not asked for, or tools were called. */
  readonly scores: (() => Iterator<ScoredToken>) | undefined;
}

export interface ChatPlan {
  readonly choices: readonly PlannedChoice[];
  readonly usage: Usage | undefined;
}

/** Choices beyond this many repeat earlier ones: a bound on the work that `n: 128` can ask for. */
const MOST_DRAFTS = 4;

/**
 * Decides an answer, in turns that leave room for others. Depends on the conversation, tools, response format and seed
 * only, so that `stream`, `stop`, `max_tokens` and `n` show or cut the same text.
 *
 * @throws UpstreamError `context_length_exceeded`, `upstream_rejected_request`; as `turns` when they end
 */
export async function planChat(
  request: ChatCompletionRequest,
  behaviour: Behaviour,
  turns: Turns,
): Promise<ChatPlan> {
  const prompt = await countPromptTokens(request, turns);
  if (prompt.total > SANDBOX_LIMITS.contextTokens) throw contextTooLong(prompt.total, 'messages');
  const conversation = readConversation(request.messages);
  const demand = readToolDemand(request);
  const seed = await seedInTurns(
    [
      request.model,
      request.messages,
      demand,
      request.response_format,
      request.temperature === 0 ? 'greedy' : request.seed,
    ],
    turns,
  );
  const count = request.n ?? 1;
  const drafts = request.temperature === 0 ? 1 : Math.min(count, MOST_DRAFTS);
  const stops = stopsOf(request.stop);
  const planned: Planned[] = [];
  for (let index = 0; index < drafts; index += 1) {
    await turns.ifDue();
    const random = new SeededRandom(seed, index);
    const draft = await draftChat(request, behaviour, conversation, demand, random, turns);
    planned.push(planChoice(request, draft, demand.legacy, stops, { seed, stream: -1 - index }));
  }
  const chosen = Array.from({ length: count }, (_, index) => planned[index % drafts] as Planned);
  const usage = toUsage({
    prompt: prompt.total,
    promptAudio: prompt.audio,
    completion: chosen.reduce((sum, { tokens }) => sum + tokens, 0),
    reasoning: chosen.reduce((sum, { choice }) => sum + choice.reasoning.length, 0),
  });
  return {
    choices: chosen.map(({ choice }) => choice),
    usage: behaviour.reportsUsage ? usage : undefined,
  };
}

interface Planned {
  readonly choice: PlannedChoice;
  readonly tokens: number;
}

function planChoice(
  request: ChatCompletionRequest,
  draft: ChatDraft,
  legacyCall: boolean,
  stops: readonly TextFinder[],
  { seed, stream }: { seed: Seed; stream: number },
): Planned {
  const asked = request.max_completion_tokens ?? request.max_tokens ?? Infinity;
  const budget = new TokenBudget(Math.min(asked, SANDBOX_LIMITS.completionTokens));
  const reasoning = budget.take(draft.reasoning);
  const calls: PlannedToolCall[] = [];
  for (const { id, kind, name, input } of draft.calls) {
    const namePieces = budget.take(name);
    // A call whose name does not fit whole cannot be made; its tokens are spent all the same.
    if (namePieces.join('') === name) calls.push({ id, kind, name, input: budget.take(input) });
  }
  const refusal = budget.take(draft.refusal);
  const { pieces: content, stopped } = budget.takeUntil(draft.text, stops);
  const scored = request.logprobs === true && draft.calls.length === 0;
  const choice: PlannedChoice = {
    reasoning,
    content,
    refusal,
    calls,
    legacyCall,
    finish_reason: !stopped && budget.exhausted ? 'length' : naturalFinish(draft, legacyCall),
    scores: scored
      ? () => scoreTokens([...refusal, ...content], request.top_logprobs ?? 0, seed, stream)
      : undefined,
  };
  return { choice, tokens: budget.used };
}

function naturalFinish(draft: ChatDraft, legacyCall: boolean): FinishReason {
  if (draft.refusal !== '') return 'content_filter';
  if (draft.calls.length === 0) return 'stop';
  return legacyCall ? 'function_call' : 'tool_calls';
}
