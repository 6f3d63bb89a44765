import type { FirstBoot } from './bootstrap.service.js';

/** What the first boot prints, once: a request that works as it is pasted, and the secrets that nobody can read again. */
export function welcome(origin: string, { apiKey, adminKey }: FirstBoot): string {
  const secrets = [
    apiKey && `Your API key (shown this once; only its hash is stored):\n\n  ${apiKey}\n`,
    adminKey && `Your admin key (shown this once; for /admin/v1 and /metrics):\n\n  ${adminKey}\n`,
  ].filter((text) => text !== undefined);

  return `
${secrets.join('\n')}
Try it:

  curl ${origin}/v1/chat/completions \\
    -H "Authorization: Bearer ${apiKey ?? '$BOOTSTRAP_API_KEY'}" \\
    -H "Content-Type: application/json" \\
    -d '{"model":"sandbox/chat","messages":[{"role":"user","content":"Hello, who are you?"}]}'

OpenAI SDKs: baseURL ${origin}/v1 (or ${origin}/api/v1, or ${origin}/api/public/v1/openai)
Documentation: ${origin}/docs

`;
}

/** What is there at a start that is not the first. */
export interface Served {
  /** Ids of models that can be called now, in the order of the configuration. */
  readonly models: readonly string[];
  /** Whether any upstream but the sandbox is configured. */
  readonly hasVendors: boolean;
  /** `undefined`: it was deleted from the database by hand. */
  readonly firstAccountId: string | undefined;
  /** Whether the admin key is the one of the first boot; else the operator chose `ADMIN_KEY`. */
  readonly adminKeyIsOurs: boolean;
  /** How the command line tool is called. */
  readonly cli: string;
}

const MAX_MODELS_NAMED = 5;

/** What every later boot prints: what is served, where to read on, and what to do without a key. */
export function welcomeBack(
  origin: string,
  { models, hasVendors, firstAccountId, adminKeyIsOurs, cli }: Served,
): string {
  const named = models.slice(0, MAX_MODELS_NAMED).join(', ');
  const more = models.length > MAX_MODELS_NAMED ? ', …' : '';
  const hint = hasVendors
    ? ''
    : '\nOnly the sandbox answers: set OPENAI_API_KEY or another key of a vendor, or write a tollgate.yaml.';
  return `
Models: ${models.length}${named === '' ? '' : ` (${named}${more})`}${hint}
Documentation: ${origin}/docs
A new API key: ADMIN_KEY=… ${cli} keys create --account ${firstAccountId ?? '<account>'}${adminKeyIsOurs ? `\nLost the admin key: ${cli} admin-key new` : ''}

`;
}
