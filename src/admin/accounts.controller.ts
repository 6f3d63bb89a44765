import { Delete, Get, HttpCode, Patch as PatchRoute, Post, Req } from '@nestjs/common';
import { ApiHeader, ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { AccountAdminService, type AccountWithBalance } from '../accounts/account-admin.service.js';
import { AccountsService } from '../accounts/accounts.service.js';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import type { Posting } from '../billing/ledger.service.js';
import { creditsNumber } from '../common/money/wire-amounts.js';
import { toListAnswer, toPageRequest } from '../contracts/accounts/paging.js';
import { ValidationFailedError } from '../contracts/validation/validation.errors.js';
import { patched, PatchDto, type Patch } from '../http/patch-dto.decorator.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import { RowId } from '../http/row-id.decorator.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { ErasureRepository } from '../conversations/erasure.repository.js';
import { idempotencyKeyOf } from '../idempotency/idempotency-key.js';
import { AccountListDto, AccountPatchDto, CreditsDto, NewAccountDto } from './accounts.dto.js';
import { AccountObject, AccountObjectList, ConversationsErased } from './admin-objects.dto.js';
import { AdminRoute } from './admin-route.decorator.js';

@AdminRoute('accounts')
export class AccountsController {
  constructor(
    private readonly creation: AccountsService,
    private readonly accounts: AccountAdminService,
    private readonly erasure: ErasureRepository,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ operationId: 'createAccount', summary: 'Make an account, without credits' })
  @ApiOkResponse({ type: AccountObject, description: 'The account' })
  async create(
    @RequestDto(NewAccountDto) { name, conversation_retention_days }: NewAccountDto,
  ): Promise<AccountObject> {
    const { id } = await this.creation.create(name, 0n, conversation_retention_days);
    return toWire(await this.accounts.get(id));
  }

  @Get()
  @ApiOperation({ operationId: 'listAccounts', summary: 'List accounts, newest first' })
  @ApiOkResponse({ type: AccountObjectList, description: 'A page of them' })
  async list(@QueryDto(AccountListDto) page: AccountListDto): Promise<AccountObjectList> {
    return toListAnswer(await this.accounts.list(toPageRequest(page)), ({ account }) => account, toWire);
  }

  @Get(':id')
  @ApiOperation({ operationId: 'retrieveAccount', summary: 'Retrieve an account with its credits' })
  @ApiOkResponse({ type: AccountObject, description: 'The account' })
  async get(@RowId() id: string): Promise<AccountObject> {
    return toWire(await this.accounts.get(id));
  }

  @PatchRoute(':id')
  @ApiOperation({ operationId: 'updateAccount', summary: 'Rename, suspend or reactivate an account' })
  @ApiOkResponse({ type: AccountObject, description: 'The account afterwards' })
  async change(
    @RowId() id: string,
    @PatchDto(AccountPatchDto, 'version') patch: Patch<AccountPatchDto>,
  ): Promise<AccountObject> {
    const { name, status } = patch.set;
    const suspended = status === undefined ? undefined : status === 'suspended';
    const conversationRetentionDays = patched(patch, 'conversation_retention_days');
    const limits = {
      storedBytes: patched(patch, 'max_stored_bytes'),
      conversations: patched(patch, 'max_conversations'),
      storedCompletions: patched(patch, 'max_stored_completions'),
      chatbots: patched(patch, 'max_chatbots'),
      chatbotVersions: patched(patch, 'max_chatbot_versions'),
      keptAnswerBytes: patched(patch, 'max_kept_answer_bytes'),
    };
    const edit = { name, suspended, conversationRetentionDays, limits };
    return toWire(await this.accounts.change(id, edit, patch.expectedVersion));
  }

  /** Erases all conversations and stored completions; resolves when they are gone from the files as well. */
  @Delete(':id/conversations')
  @ApiOperation({
    operationId: 'eraseAccountConversations',
    summary: 'Erase all conversations, stored completions and kept answers of an account',
  })
  @ApiOkResponse({ type: ConversationsErased, description: 'They are gone' })
  async eraseConversations(@RowId() id: string): Promise<ConversationsErased> {
    const { account } = await this.accounts.get(id);
    const erased = await this.erasure.eraseAccount(account.id);
    return { object: 'account.conversations.erased', id: account.id, erased };
  }

  @Post(':id/credits')
  @HttpCode(200)
  @ApiOperation({ operationId: 'postCredits', summary: 'Add credits to an account, or take some back' })
  @ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Of your own choice: a second posting with the same key changes nothing.',
    schema: { type: 'string', minLength: 1, maxLength: 255, pattern: '^[!-~]+$' },
  })
  @ApiOkResponse({ type: AccountObject, description: 'The account afterwards' })
  async post(
    @RowId() accountId: string,
    @RequestDto(CreditsDto) credits: CreditsDto,
    @Req() request: TollgateRequest,
  ): Promise<AccountObject> {
    const posting: Posting = {
      accountId,
      type: typeOf(credits),
      amountHundredths: credits.amount,
      reason: credits.reason,
      idempotencyKey: idempotencyKeyOf(request.headersDistinct['idempotency-key']),
    };
    return toWire(await this.accounts.post(posting));
  }
}

/** @throws ValidationFailedError for an amount that the type cannot have */
function typeOf({ amount, type }: CreditsDto): Posting['type'] {
  const resolved = type ?? (amount < 0n ? 'correction' : 'purchase');
  if (amount > 0n || (amount < 0n && resolved === 'correction')) return resolved;
  const message =
    amount === 0n
      ? "Invalid 'amount': expected a number other than 0."
      : `Invalid 'amount': only a correction may be negative, not a ${resolved}.`;
  throw new ValidationFailedError(
    [{ kind: 'conflict', message, code: 'invalid_value', path: ['amount'], input: creditsNumber(amount) }],
    {},
  );
}

function toWire({ account, balance, storage }: AccountWithBalance): AccountObject {
  const { stored, limits, overrides } = storage;
  const { balanceHundredths, heldHundredths } = balance;
  return {
    object: 'account',
    id: account.id,
    name: account.name,
    status: account.suspendedAtMs === undefined ? 'active' : 'suspended',
    balance: creditsNumber(balanceHundredths),
    held: creditsNumber(heldHundredths),
    available: creditsNumber(balanceHundredths - heldHundredths),
    conversation_retention_days: account.conversationRetentionDays ?? null,
    max_stored_bytes: overrides.storedBytes,
    max_conversations: overrides.conversations,
    max_stored_completions: overrides.storedCompletions,
    max_chatbots: overrides.chatbots,
    max_chatbot_versions: overrides.chatbotVersions,
    max_kept_answer_bytes: overrides.keptAnswerBytes,
    storage: {
      stored_bytes: { used: stored.storedBytes, limit: limits.storedBytes },
      conversations: { used: stored.conversations, limit: limits.conversations },
      stored_completions: { used: stored.storedCompletions, limit: limits.storedCompletions },
      chatbots: { used: stored.chatbots, limit: limits.chatbots },
      chatbot_versions: { limit: limits.chatbotVersions },
      kept_answer_bytes: { used: stored.keptAnswerBytes, limit: limits.keptAnswerBytes },
    },
    created: unixSeconds(account.createdAtMs),
    version: account.version,
  };
}
