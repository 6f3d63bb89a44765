// Starts Tollgate on a free port with an empty temporary data folder, talks to each surface with the official OpenAI
// SDK, prints what came back and what it cost, and leaves nothing behind. Exits 1 when anything is not as promised.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';

const MAIN = resolve('dist/main.js');
const MODEL = 'sandbox/chat';
const START_DEADLINE_MS = 60_000;
const CALL_DEADLINE_MS = 15_000;
const STOP_DEADLINE_MS = 5_000;

const SURFACES = [
  { name: 'W, Waterflai and the OpenAI root', base: '/v1', credits: false },
  { name: 'Q, Qolaba', base: '/api/v1', credits: true },
  { name: 'L, LightningRod', base: '/api/public/v1/openai', credits: false },
];

/** Something that a promise of ours does not allow. */
class Surprise extends Error {}

const print = (text = '') => process.stdout.write(`${text}\n`);

async function main() {
  const { OpenAI, version } = await loadSdk();
  const gateway = await startGateway();
  try {
    print(`Tollgate is up on ${gateway.origin}, with an empty database and the sandbox models.`);
    print(`Calling it with openai ${version}.\n`);
    const sum = { calls: 0, tokens: 0, credits: 0, costUsd: 0 };
    for (const surface of SURFACES) {
      const client = new OpenAI({
        apiKey: gateway.apiKey,
        baseURL: gateway.origin + surface.base,
        // What the caller's environment says to OpenAI is no business of this demo.
        organization: null,
        project: null,
        timeout: CALL_DEADLINE_MS,
        maxRetries: 0,
      });
      print(`${surface.name}: baseURL ${gateway.origin}${surface.base}`);
      const visit = { client, surface, sum, answer: undefined };
      const calls = [models, answer, stream, completion, ...(surface.base === '/v1' ? [chatbot] : [])];
      for (const call of calls) await call(visit);
      print();
    }
    print(
      `${sum.calls} calls, ${sum.tokens} tokens, as promised. The calls on Q, which tells prices, came to ` +
        `${sum.credits.toFixed(2)} credits (${sum.costUsd.toFixed(7)} USD).`,
    );
  } catch (error) {
    error.gatewaySaid = gateway.said();
    throw error;
  } finally {
    await gateway.stop();
  }
}

async function models({ client, sum }) {
  const { data } = await client.models.list();
  const { id, pricing } = await client.models.retrieve(MODEL);
  expect(
    data.some((model) => model.id === MODEL),
    `${MODEL} is not in the list of models`,
  );
  expect(id === MODEL, `asked for the model ${MODEL}, got ${id}`);
  sum.calls += 2;
  show(
    'models',
    `${data.length}; ${id} costs ${pricing.prompt} USD a prompt token, ${pricing.completion} a completion token`,
  );
}

async function answer(visit) {
  const { choices, usage } = await visit.client.chat.completions.create(question());
  const [choice] = choices;
  expect(choice.finish_reason === 'stop', `the answer ended with ${choice.finish_reason}`);
  expect(choice.message.content !== '', 'the answer is empty');
  visit.answer = choice.message.content;
  show('answer', visit.answer, bill(usage, visit));
}

async function stream(visit) {
  const chunks = [];
  const options = { stream: true, stream_options: { include_usage: true } };
  for await (const chunk of await visit.client.chat.completions.create({ ...question(), ...options })) {
    chunks.push(chunk);
  }
  const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
  expect(text === visit.answer, `the stream says something else than the answer: ${text}`);
  show('stream', `the same in ${chunks.length} chunks`, bill(chunks.at(-1).usage, visit));
}

async function completion(visit) {
  const { choices, usage } = await visit.client.completions.create({
    model: MODEL,
    prompt: 'Once upon a time',
    max_tokens: 24,
  });
  expect(choices[0].text.trim() !== '', 'the completion is empty');
  show('completion', `Once upon a time${choices[0].text}`, bill(usage, visit));
}

/** Asks a chatbot twice in one conversation and once in another: what is sent upstream tells what it remembers. */
async function chatbot(visit) {
  const { client } = visit;
  const { id: model } = await client.post('/chatbots', {
    body: { name: 'Guide', model: MODEL, system_prompt: 'You are a guide to {{city}}.' },
  });
  const ask = async (conversation, content) => {
    const said = await client.chat.completions.create({
      model,
      conversation_id: conversation,
      metadata: { city: 'Paris' },
      messages: [{ role: 'user', content }],
    });
    expect(said.model === model, `asked the chatbot ${model}, ${said.model} answered`);
    expect(said.conversation_id === conversation, `the answer is of ${said.conversation_id}`);
    return said;
  };
  const first = await ask('ada', 'My name is Ada.');
  const second = await ask('ada', 'What is my name?');
  const other = await ask('bob', 'What is my name?');
  show('chatbot', second.choices[0].message.content, bill(second.usage, visit));
  const remembered = second.usage.prompt_tokens - other.usage.prompt_tokens;
  expect(remembered > 0, 'the chatbot does not remember its conversation, or remembers another one');
  bill(first.usage, visit);
  bill(other.usage, visit);
  show('memory', `${remembered} tokens of the first turn went with the second; none to another conversation`);
}

/** The seed makes the sandbox say the same each time. */
function question() {
  return {
    model: MODEL,
    seed: 1,
    messages: [
      { role: 'system', content: 'You are a guide.' },
      { role: 'user', content: 'What can I do here?' },
    ],
  };
}

/** What a call used, in words; adds it to the sum. */
function bill(usage, { surface, sum }) {
  const { prompt_tokens: prompt, completion_tokens: generated, total_tokens: total } = usage;
  expect(
    prompt > 0 && generated > 0 && total === prompt + generated,
    `usage does not add up: ${JSON.stringify(usage)}`,
  );
  sum.calls += 1;
  sum.tokens += total;
  const tokens = `${prompt} + ${generated} = ${total} tokens`;
  if (!surface.credits) return tokens;

  const { total_credit: credits, total_cost: costUsd } = usage;
  expect(credits > 0 && costUsd > 0, `no price in ${JSON.stringify(usage)}`);
  sum.credits += credits;
  sum.costUsd += costUsd;
  return `${tokens}, ${credits} credits, ${costUsd.toFixed(7)} USD`;
}

function show(call, said, used) {
  const shown = said.replace(/\s+/g, ' ');
  print(`  ${call.padEnd(11)} ${shown.length > 150 ? `${shown.slice(0, 149)}…` : shown}`);
  if (used !== undefined) print(`  ${''.padEnd(11)} → ${used}`);
}

function expect(holds, otherwise) {
  if (!holds) throw new Surprise(otherwise);
}

async function loadSdk() {
  try {
    const { default: OpenAI } = await import('openai');
    return { OpenAI, version: JSON.parse(readFileSync('node_modules/openai/package.json', 'utf8')).version };
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new Surprise(
      'The demo calls Tollgate with the OpenAI SDK, a development dependency. Install it: npm ci',
    );
  }
}

/** The gateway as a process of its own, in a folder of its own, with nothing of the caller's environment but PATH. */
async function startGateway() {
  const folder = mkdtempSync(join(tmpdir(), 'tollgate-demo-'));
  const apiKey = `sk-demo-${randomBytes(24).toString('hex')}`;
  const child = spawn(process.execPath, ['--enable-source-maps', MAIN], {
    cwd: folder,
    env: {
      PATH: process.env.PATH,
      PORT: '0',
      DATA_DIR: join(folder, 'data'),
      BOOTSTRAP_API_KEY: apiKey,
      LOG_LEVEL: 'warn',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const exited = once(child, 'exit').then(() => 'it ended');
  let said = '';
  const ready = new Promise((done) => {
    for (const output of [child.stdout, child.stderr]) {
      output.setEncoding('utf8').on('data', (text) => {
        said += text;
        // The last line of the welcome is printed when everything is ready.
        if (said.includes('Documentation: ')) done('ready');
      });
    }
  });

  const stop = async () => {
    child.kill('SIGTERM');
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_DEADLINE_MS);
    await exited;
    clearTimeout(late);
    rmSync(folder, { recursive: true, force: true });
  };
  for (const signal of ['SIGINT', 'SIGTERM']) {
    process.once(signal, () => void stop().then(() => process.exit(1)));
  }

  const outcome = await Promise.race([ready, exited, sleep(START_DEADLINE_MS, 'time is up', { ref: false })]);
  if (outcome !== 'ready') {
    await stop();
    throw Object.assign(new Surprise(`Tollgate did not get ready: ${outcome}.`), { gatewaySaid: said });
  }
  const [, origin] = /listens on (\S+)/.exec(said) ?? [];
  // From here on: what it says about the calls.
  said = '';
  return { origin, apiKey, stop, said: () => said };
}

main().catch((error) => {
  const what = error instanceof Surprise ? error.message : (error.stack ?? String(error));
  process.stderr.write(`\nThe demo failed: ${what}\n`);
  if (error.gatewaySaid) process.stderr.write(`\nTollgate said:\n${error.gatewaySaid}\n`);
  process.exitCode = 1;
});
