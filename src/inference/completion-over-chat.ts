import { firstValueFrom, from, map, merge, toArray, type Observable } from 'rxjs';
import { usageOf } from '../billing/reported-usage.js';
import type {
  ChatCompletionRequest,
  ChoiceLogprobs,
  FinishReason,
  TokenLogprob,
} from '../contracts/openai/chat-completion.js';
import type {
  CompletionChoice,
  CompletionFinishReason,
  CompletionLogprobs,
  CompletionPrompt,
  CompletionRequest,
} from '../contracts/openai/completion.js';
import type { FlowGate } from '../streaming/flow-gate.js';
import { UpstreamError } from '../upstreams/upstream.errors.js';
import type {
  ChatAnswer,
  ChatChunk,
  CompletionAnswer,
  CompletionChunk,
  UpstreamAdapter,
  UpstreamCall,
} from '../upstreams/upstream.port.js';
