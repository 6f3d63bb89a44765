import {
  BaseUrl,
  ConversationKeys,
  Decimal,
  HttpUrl,
  ListOf,
  Milliseconds,
  OneOf,
  Secret,
  ServerUrl,
  Text,
  TokenPrices,
  Whole,
} from './env.decorators.js';
import type { ConversationKey, LogConfig, PricingConfig } from './app-config.js';

/** No disk holds more. */
const MOST_STORED = 999_999_999_999_999;

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const;
const LOG_FORMATS = ['auto', 'json', 'text'] as const;

/**
 * Every environment variable that Tollgate reads, with its default. What each is for: `.env.example`, which names
 * exactly these (a test holds them together).
 */
export class Environment {
  @Text() HOST = '127.0.0.1';
  @Whole({ min: 0, max: 65_535 }) PORT = 3_000;
  @Whole({ min: 1_024, max: 1_073_741_824 }) MAX_BODY_BYTES = 20 * 1_024 * 1_024;
  @Whole({ min: 1, max: 1_000_000 }) MAX_CONNECTIONS = 10_000;
  @ListOf(isOrigin, 'must be * or origins such as https://app.example.com, separated by commas')
  CORS_ORIGINS: string[] = ['*'];
  @Milliseconds({ min: 0 }) DRAIN_TIMEOUT_MS = 25_000;
  @Whole({ min: 0, max: 100 }) TRUSTED_PROXY_HOPS = 0;
  @Text() PID_FILE: string | undefined;

  @Milliseconds() HEARTBEAT_MS = 15_000;
  @Milliseconds() WRITE_STALL_MS = 60_000;
  @Milliseconds() HEADERS_HOLD_MS: number | undefined;
  @Milliseconds({ min: 0 }) LEFT_STREAM_READ_MS = 10_000;

  @Text() DATA_DIR = './data';
  @ServerUrl('postgres', 'postgresql') DATABASE_URL: string | undefined;
  @Milliseconds({ min: 100 }) PROCESS_DEAD_AFTER_MS = 30_000;
  @ServerUrl('redis', 'rediss') REDIS_URL: string | undefined;
  @ConversationKeys() CONVERSATION_KEYS: ConversationKey[] = [];
  @Whole({ min: 0, max: MOST_STORED }) DEFAULT_MAX_STORED_BYTES = 256 * 1_024 * 1_024;
  @Whole({ min: 0, max: MOST_STORED }) DEFAULT_MAX_CONVERSATIONS = 10_000;
  @Whole({ min: 0, max: MOST_STORED }) DEFAULT_MAX_STORED_COMPLETIONS = 10_000;
  @Whole({ min: 0, max: MOST_STORED }) DEFAULT_MAX_CHATBOTS = 1_000;
  @Whole({ min: 1, max: MOST_STORED }) DEFAULT_MAX_CHATBOT_VERSIONS = 100;
  @Whole({ min: 0, max: MOST_STORED }) DEFAULT_MAX_KEPT_ANSWER_BYTES = 1_024 * 1_024 * 1_024;

  @Secret() ADMIN_KEY: string | undefined;
  @Secret() BOOTSTRAP_API_KEY: string | undefined;
  /** Hundredths of a credit. */
  @Decimal({ decimals: 2, zero: true }) BOOTSTRAP_CREDITS = 100_000n;
  @Whole({ min: 1, max: 1_000_000_000 }) DEFAULT_RPM = 6_000;
  @Whole({ min: 1, max: 1_000_000_000_000 }) DEFAULT_TPM = 10_000_000;
  @Whole({ min: 1, max: 1_000_000 }) AUTH_FAILURES_PER_MINUTE = 60;
  @Milliseconds({ min: 0 }) KEY_CACHE_TTL_MS = 5_000;

  /** Nano-USD. */
  @Decimal({ decimals: 9, zero: false }) CREDIT_USD = 5_000_000n;

  @HttpUrl() WEBHOOK_URL: string | undefined;
  @Secret() WEBHOOK_SECRET: string | undefined;
  /** Hundredths of a credit. */
  @Decimal({ decimals: 2, zero: true }) LOW_BALANCE_CREDITS: bigint | undefined;

  /** Of the command line tool. */
  @BaseUrl() TOLLGATE_URL = 'http://127.0.0.1:3000';

  @OneOf(...LOG_LEVELS) LOG_LEVEL: LogConfig['level'] = 'info';
  @OneOf(...LOG_FORMATS) LOG_FORMAT: LogConfig['format'] = 'auto';
  /** Set to anything: no colours in a terminal (no-color.org). */
  @Text() NO_COLOR: string | undefined;

  @Text() CONFIG_FILE: string | undefined;
  @Milliseconds() UPSTREAM_TIMEOUT_MS = 180_000;
  @Milliseconds() UPSTREAM_CONNECT_TIMEOUT_MS = 5_000;
  /** Unset: the total of the upstream that is called. */
  @Milliseconds() UPSTREAM_FIRST_TOKEN_TIMEOUT_MS: number | undefined;
  @Milliseconds() UPSTREAM_IDLE_TIMEOUT_MS = 120_000;
  @Whole({ min: 1, max: 1_000_000 }) UPSTREAM_MAX_CONNECTIONS = 1_024;

  @BaseUrl() UPSTREAM_BASE_URL: string | undefined;
  @Secret() UPSTREAM_API_KEY: string | undefined;
  @TokenPrices() UPSTREAM_PRICING: PricingConfig | undefined;
  @BaseUrl() OLLAMA_BASE_URL: string | undefined;
  @Secret() OPENAI_API_KEY: string | undefined;
  @BaseUrl() OPENAI_BASE_URL: string | undefined;
  @Secret() ANTHROPIC_API_KEY: string | undefined;
  @Secret() GEMINI_API_KEY: string | undefined;
  @Secret() OPENROUTER_API_KEY: string | undefined;
  @Secret() GROQ_API_KEY: string | undefined;
  @Secret() MISTRAL_API_KEY: string | undefined;
  @Secret() DEEPSEEK_API_KEY: string | undefined;
  @Secret() TOGETHER_API_KEY: string | undefined;
  @Secret() XAI_API_KEY: string | undefined;
}

function isOrigin(text: string): boolean {
  return text === '*' || URL.parse(text)?.origin === text;
}
