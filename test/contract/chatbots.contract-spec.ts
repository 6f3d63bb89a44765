import OpenAI from 'openai';
import OpenAI4 from 'openai-4';
import OpenAI5 from 'openai-5';
import OpenAI6 from 'openai-6';
import { aiSdk } from './chatbot-ai-sdk.js';
import { describeChatbotClient } from './chatbot-client.js';
import { langChain } from './chatbot-langchain.js';
import { openAiNode } from './chatbot-openai-node.js';
import type { OpenAIClass } from './openai-node-client.js';

describeChatbotClient(openAiNode('openai', OpenAI));
// What the promises use of older versions has the types of the current one.
describeChatbotClient(openAiNode('openai-6', OpenAI6 as unknown as OpenAIClass));
describeChatbotClient(openAiNode('openai-5', OpenAI5 as unknown as OpenAIClass));
describeChatbotClient(openAiNode('openai-4', OpenAI4 as unknown as OpenAIClass));
describeChatbotClient(aiSdk('@ai-sdk/openai-compatible+ai'));
describeChatbotClient(langChain('@langchain/openai'));
