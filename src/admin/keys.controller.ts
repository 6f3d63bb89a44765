import { Delete, Get, HttpCode, Patch as PatchRoute, Post } from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import { KeysService, type KeySettings, type KeyWithBudgetUse } from '../accounts/keys.service.js';
import { unixSeconds } from '../common/clock/unix-seconds.js';
import { DEFAULT_KEY_RIGHTS, type ApiKeyChanges, type StoredApiKey } from '../auth/api-key.js';
import { Clock } from '../common/clock/clock.js';
import { creditsNumber } from '../common/money/wire-amounts.js';
import { toListAnswer, toPageRequest } from '../contracts/accounts/paging.js';
import { OptionalBody } from '../http/optional-body.decorator.js';
import { patched, PatchDto, type Patch } from '../http/patch-dto.decorator.js';
import { QueryDto } from '../http/query-dto.decorator.js';
import { RequestDto } from '../http/request-dto.decorator.js';
import { RowId } from '../http/row-id.decorator.js';
import { KeyObject, KeyObjectList, KeyWithSecretObject } from './admin-objects.dto.js';
import { AdminRoute } from './admin-route.decorator.js';
import { KeyListDto, KeyPatchDto, NewKeyDto, RotationDto } from './keys.dto.js';

@AdminRoute('keys')
export class KeysController {
  constructor(
    private readonly keys: KeysService,
    private readonly clock: Clock,
  ) {}

  @Post()
  @HttpCode(200)
  @ApiOperation({ operationId: 'createKey', summary: 'Make an API key' })
  @ApiOkResponse({ type: KeyWithSecretObject, description: 'The key, with its secret' })
  async create(@RequestDto(NewKeyDto) body: NewKeyDto): Promise<KeyWithSecretObject> {
    const { secret, ...key } = await this.keys.create(toSettings(body));
    return { ...this.toWire(key), key: secret };
  }

  @Get()
  @ApiOperation({ operationId: 'listKeys', summary: 'List API keys, newest first' })
  @ApiOkResponse({ type: KeyObjectList, description: 'A page of them' })
  async list(@QueryDto(KeyListDto) query: KeyListDto): Promise<KeyObjectList> {
    const page = await this.keys.list(query.account_id, toPageRequest(query));
    return toListAnswer(
      page,
      ({ key }) => key,
      (key) => this.toWire(key),
    );
  }

  @Get(':id')
  @ApiOperation({ operationId: 'retrieveKey', summary: 'Retrieve an API key with the use of its budget' })
  @ApiOkResponse({ type: KeyObject, description: 'The key' })
  async get(@RowId() id: string): Promise<KeyObject> {
    return this.toWire(await this.keys.get(id));
  }

  @PatchRoute(':id')
  @ApiOperation({ operationId: 'updateKey', summary: 'Change an API key; `null` takes a limit away' })
  @ApiOkResponse({ type: KeyObject, description: 'The key afterwards' })
  async change(
    @RowId() id: string,
    @PatchDto(KeyPatchDto, 'version') patch: Patch<KeyPatchDto>,
  ): Promise<KeyObject> {
    return this.toWire(await this.keys.change(id, toChanges(patch), patch.expectedVersion));
  }

  @Delete(':id')
  @ApiOperation({ operationId: 'revokeKey', summary: 'Revoke an API key for good' })
  @ApiOkResponse({ type: KeyObject, description: 'The key afterwards' })
  async revoke(@RowId() id: string): Promise<KeyObject> {
    return this.toWire(await this.keys.revoke(id));
  }

  @Post(':id/rotate')
  @HttpCode(200)
  @ApiOperation({ operationId: 'rotateKey', summary: 'Give an API key another secret' })
  @ApiOkResponse({ type: KeyWithSecretObject, description: 'The key, with its new secret' })
  async rotate(
    @RowId() id: string,
    @OptionalBody(RotationDto) { overlap_seconds = 0 }: RotationDto,
  ): Promise<KeyWithSecretObject> {
    const { secret, ...key } = await this.keys.rotate(id, overlap_seconds * 1000);
    return { ...this.toWire(key), key: secret };
  }

  private toWire({ key, spentHundredths, heldHundredths, warnings = [] }: KeyWithBudgetUse): KeyObject {
    const nowMs = this.clock.nowMs();
    const { budget, previousValidUntilMs } = key;
    return {
      object: 'api_key',
      id: key.id,
      account_id: key.accountId,
      name: key.name,
      prefix: key.displayPrefix,
      status: statusOf(key, nowMs),
      rpm: key.requestsPerMinute ?? null,
      tpm: key.tokensPerMinute ?? null,
      max_concurrency: key.maxConcurrency ?? null,
      models: key.allowedModels ?? null,
      budget: budget === undefined ? null : creditsNumber(budget.limitHundredths),
      budget_period: key.budgetPeriod,
      budget_spent: creditsNumber(spentHundredths),
      budget_held: creditsNumber(heldHundredths),
      expires_at: secondsOrNull(key.expiresAtMs),
      allowed_ips: key.allowedIps ?? null,
      manage_chatbots: key.manageChatbots,
      read_conversations: key.readConversations,
      created: unixSeconds(key.createdAtMs),
      revoked_at: secondsOrNull(key.revokedAtMs),
      previous_secret_valid_until:
        previousValidUntilMs !== undefined && previousValidUntilMs > nowMs
          ? unixSeconds(previousValidUntilMs)
          : null,
      version: key.version,
      ...(warnings.length === 0 ? {} : { warnings }),
    };
  }
}

function statusOf({ revokedAtMs, expiresAtMs }: StoredApiKey, nowMs: number): KeyObject['status'] {
  if (revokedAtMs !== undefined) return 'revoked';
  return expiresAtMs !== undefined && expiresAtMs <= nowMs ? 'expired' : 'active';
}

function secondsOrNull(ms: number | undefined): number | null {
  return ms === undefined ? null : unixSeconds(ms);
}

function toSettings(body: NewKeyDto): KeySettings {
  return {
    accountId: body.account_id,
    name: body.name,
    requestsPerMinute: body.rpm,
    tokensPerMinute: body.tpm,
    maxConcurrency: body.max_concurrency,
    allowedModels: body.models,
    allowedIps: body.allowed_ips,
    budget:
      body.budget === undefined
        ? undefined
        : { limitHundredths: body.budget, period: body.budget_period ?? 'total' },
    expiresAtMs: body.expires_at === undefined ? undefined : body.expires_at * 1000,
    manageChatbots: body.manage_chatbots,
    readConversations: body.read_conversations,
  };
}

function toChanges(patch: Patch<KeyPatchDto>): ApiKeyChanges {
  const expiresAt = patched(patch, 'expires_at');
  return {
    name: patch.set.name,
    requestsPerMinute: patched(patch, 'rpm'),
    tokensPerMinute: patched(patch, 'tpm'),
    maxConcurrency: patched(patch, 'max_concurrency'),
    allowedModels: patched(patch, 'models'),
    allowedIps: patched(patch, 'allowed_ips'),
    budgetHundredths: patched(patch, 'budget'),
    budgetPeriod: patch.set.budget_period,
    expiresAtMs: typeof expiresAt === 'number' ? expiresAt * 1000 : expiresAt,
    manageChatbots: rightOf(patch, 'manage_chatbots', DEFAULT_KEY_RIGHTS.manageChatbots),
    readConversations: rightOf(patch, 'read_conversations', DEFAULT_KEY_RIGHTS.readConversations),
  };
}

/** @param fallback what it becomes where it was sent as `null` */
function rightOf(
  { set, cleared }: Patch<KeyPatchDto>,
  field: 'manage_chatbots' | 'read_conversations',
  fallback: boolean,
): boolean | undefined {
  return cleared.has(field) ? fallback : set[field];
}
