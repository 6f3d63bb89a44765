import type { FirstBoot } from './auth/bootstrap.service.js';

/** What the first boot prints, once: a request that works as it is pasted, and the secrets that nobody can read again. */
export function welcome(origin: string, { apiKey, adminKey }: FirstBoot): string {
  const admin =
    adminKey === undefined
      ? ''
      : `\nYour admin key (Authorization: Bearer, for /admin/v1 and /metrics):\n\n  ${adminKey}\n`;
  return `
Your API key (it is shown this once; only its hash is stored):

  ${apiKey}
${admin}
Try it:

  curl ${origin}/v1/chat/completions \\
    -H "Authorization: Bearer ${apiKey}" \\
    -H "Content-Type: application/json" \\
    -d '{"model":"sandbox/chat","messages":[{"role":"user","content":"Hello, who are you?"}]}'

OpenAI SDKs: baseURL ${origin}/v1 (or /api/v1, or /api/public/v1/openai). Docs: ${origin}/docs

`;
}
