import { DEFAULT_MEMORY, type MemoryPolicy } from '../common/memory-policy.js';
import type { Patch } from '../http/patch-dto.decorator.js';
import {
  OVERRIDABLE_FIELDS,
  SAMPLING_FIELDS,
  type ChatbotSampling,
  type ChatbotSettings,
} from './chatbot.js';
import type { ChatbotPatchDto, MemoryFields, NewChatbotDto } from './chatbots.dto.js';

/** A change of settings; what is not a setting is left alone. */
export type SettingsPatch = Pick<Patch<ChatbotPatchDto>, 'set' | 'cleared'>;

const DEFAULTS: Omit<ChatbotSettings, 'name' | 'model'> = {
  description: '',
  systemPrompt: '',
  variables: {},
  sampling: {},
  memory: DEFAULT_MEMORY,
  overrides: OVERRIDABLE_FIELDS,
  acceptsInstructions: false,
};

/** The settings of a new chatbot. */
export function toSettings(fields: NewChatbotDto): ChatbotSettings {
  const { name, model } = fields;
  return changedSettings({ ...DEFAULTS, name, model }, { set: fields, cleared: new Set() });
}

/** Settings with a change; a name and a model have no default to go back to. Fields keep their order. */
export function changedSettings(base: ChatbotSettings, { set, cleared }: SettingsPatch): ChatbotSettings {
  const isCleared = (field: string): boolean => (cleared as ReadonlySet<string>).has(field);
  /** `fallback` where the field is taken away, `present` where it is not mentioned. */
  const next = <T>(field: string, value: T | undefined, present: T, fallback: T): T =>
    isCleared(field) ? fallback : (value ?? present);
  return {
    name: set.name ?? base.name,
    description: next('description', set.description, base.description, DEFAULTS.description),
    model: set.model ?? base.model,
    systemPrompt: next('system_prompt', set.system_prompt, base.systemPrompt, DEFAULTS.systemPrompt),
    variables: next('variables', set.variables, base.variables, DEFAULTS.variables),
    sampling: sampling(base.sampling, set, isCleared),
    tools: notEmpty(next('tools', set.tools, base.tools, undefined)),
    toolChoice: next('tool_choice', set.tool_choice, base.toolChoice, undefined),
    responseFormat: next('response_format', set.response_format, base.responseFormat, undefined),
    memory: next('memory', set.memory && toPolicy(set.memory), base.memory, DEFAULTS.memory),
    overrides: next('overrides', set.overrides, base.overrides, DEFAULTS.overrides),
    acceptsInstructions: next(
      'accepts_instructions',
      set.accepts_instructions,
      base.acceptsInstructions,
      DEFAULTS.acceptsInstructions,
    ),
  };
}

function sampling(
  base: ChatbotSampling,
  set: ChatbotSampling,
  isCleared: (field: string) => boolean,
): ChatbotSampling {
  const values = SAMPLING_FIELDS.filter((field) => !isCleared(field))
    .map((field) => [field, set[field] ?? base[field]] as const)
    .filter(([, value]) => value !== undefined);
  return Object.fromEntries(values);
}

function notEmpty<T>(items: readonly T[] | undefined): readonly T[] | undefined {
  return items?.length === 0 ? undefined : items;
}

function toPolicy(fields: MemoryFields): MemoryPolicy {
  switch (fields.policy) {
    case 'none':
      return { kind: 'none' };
    case 'turns':
      return { kind: 'turns', turns: fields.turns };
    case 'window':
      return { kind: 'window', maxTokens: fields.max_tokens };
    case 'summary':
      return { kind: 'summary', maxTokens: fields.max_tokens, model: fields.model };
  }
}
