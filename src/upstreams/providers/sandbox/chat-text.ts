import type { Conversation } from './conversation.js';
import { countCodePoints, enumerate, quote } from './quote.js';
import type { SeededRandom } from './random.js';

/**
 * A short answer about the conversation, one entry a sentence: proof for a newcomer that every turn, instruction,
 * attachment and tool result has arrived.
 *
 * @param toolNames tools that were offered and not called
 */
export function writeChatSentences(
  conversation: Conversation,
  toolNames: readonly string[],
  random: SeededRandom,
): string[] {
  if (conversation.toolResults.length > 0) return writeFromToolResults(conversation, random);
  const sentences = [random.pick(conversation.userTurns > 1 ? LATER_OPENINGS : OPENINGS)];
  sentences.push(aboutQuestion(conversation.lastUserText, random));
  if (conversation.attachments.length > 0) {
    sentences.push(`It came with ${enumerate(conversation.attachments)}.`);
  }
  sentences.push(aboutHistory(conversation, random));
  if (conversation.instructions !== undefined) {
    sentences.push(aboutInstructions(conversation.instructions));
  }
  if (toolNames.length > 0) {
    sentences.push(`To have me call a tool, mention it: ${enumerate(toolNames.slice(0, MOST_NAMED))}.`);
  }
  sentences.push(random.pick(CLOSINGS));
  return sentences;
}

/**
 * What a reasoning model thinks before it answers.
 *
 * @param calledNames tools that the answer calls
 * @param effort as in `reasoning_effort`; undefined: medium
 */
export function writeReasoning(
  conversation: Conversation,
  calledNames: readonly string[],
  effort: string | undefined,
  random: SeededRandom,
): string {
  const { userTurns, lastUserText, toolResults } = conversation;
  const thoughts = [
    random.pick([
      `The user says ${quote(lastUserText ?? '')}.`,
      `Let me look at ${quote(lastUserText ?? '')}.`,
      `So this is about ${quote(lastUserText ?? '')}.`,
    ]),
    userTurns > 1
      ? `There are ${userTurns} user turns so far, so earlier ones matter too.`
      : 'There is no earlier turn to consider.',
    aboutTools(calledNames, toolResults.length, random),
    random.pick(['A short answer will do.', 'I should be brief and say what I was given.']),
  ];
  return thoughts.slice(0, THOUGHTS_BY_EFFORT.get(effort ?? 'medium')).join(' ');
}

function aboutTools(calledNames: readonly string[], results: number, random: SeededRandom): string {
  if (calledNames.length > 0) return `I should call ${enumerate(calledNames)}.`;
  if (results > 0) return results === 1 ? 'A tool has answered.' : `${results} tools have answered.`;
  return random.pick(['No tool is needed.', 'I can answer this from the conversation alone.']);
}

/** Efforts that are not here get every thought. */
const THOUGHTS_BY_EFFORT = new Map([
  ['none', 0],
  ['minimal', 1],
  ['low', 2],
  ['medium', 3],
]);
const MOST_NAMED = 5;

const OPENINGS = ['Hello!', 'Hi there!', 'Welcome!', 'Good to meet you.', 'Nice to hear from you.'];
const LATER_OPENINGS = ['Right.', 'Understood.', 'Got it.', 'Thanks for going on.', 'Let us continue.'];
const CLOSINGS = [
  'I am the sandbox: I tell you what arrived, I do not think about it.',
  'A real model would have an opinion; the sandbox only reports what it received.',
  'That is all a sandbox can say about it.',
  'No model was called for this answer, it comes from the sandbox.',
  'Point your client at a real model when you want a real answer.',
];

/** That they arrived, and not what they say: a chatbot's are not for those who talk to it. */
function aboutInstructions(instructions: string): string {
  const characters = countCodePoints(instructions);
  return `My instructions have ${characters} ${characters === 1 ? 'character' : 'characters'}, and I keep them to myself.`;
}

function aboutQuestion(text: string | undefined, random: SeededRandom): string {
  if (text === undefined) return 'There is no user message here yet.';
  if (text.trim() === '') return 'Your message has no text.';
  const said = quote(text);
  return random.pick(
    text.includes('?')
      ? [`You asked ${said}.`, `Your question is ${said}.`, `You would like to know ${said}.`]
      : [`You wrote ${said}.`, `Your message says ${said}.`, `I read ${said}.`],
  );
}

function aboutHistory(conversation: Conversation, random: SeededRandom): string {
  const { userTurns, previousUserText, lastAnswerText } = conversation;
  if (previousUserText === undefined) {
    return random.pick([
      'This is the first turn of our conversation.',
      'Nothing was said before that.',
      'We have only just begun, so I know nothing else.',
    ]);
  }
  const answered = lastAnswerText === undefined ? '' : ` and I answered ${quote(lastAnswerText, 60)}`;
  return random.pick([
    `This is turn ${userTurns}; before it you said ${quote(previousUserText)}${answered}.`,
    `Earlier you said ${quote(previousUserText)}${answered}; this is turn ${userTurns}.`,
  ]);
}

function writeFromToolResults(conversation: Conversation, random: SeededRandom): string[] {
  const sentences = conversation.toolResults
    .slice(0, MOST_NAMED)
    .map(({ name, text }) =>
      random.pick([
        `According to ${name}: ${quote(text, 300)}.`,
        `The result of ${name} is ${quote(text, 300)}.`,
        `I asked ${name}, and it says ${quote(text, 300)}.`,
      ]),
    );
  if (conversation.lastUserText !== undefined) {
    const said = quote(conversation.lastUserText);
    sentences.push(random.pick([`That answers ${said}.`, `So much for ${said}.`, `You had said ${said}.`]));
  }
  return sentences;
}
