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
