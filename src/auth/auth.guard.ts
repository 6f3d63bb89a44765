import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { DomainError } from '../common/errors/domain-error.js';
import type { TollgateRequest } from '../http/tollgate-request.js';
import { SURFACE_METADATA } from '../surfaces/serves.decorator.js';
import type { Surface } from '../surfaces/surface.js';
import { ACCESS_METADATA, type Access } from './access.decorator.js';
import { AdminKeyService } from './admin-key.service.js';
import { ApiKeyService } from './api-key.service.js';
import { secretOf } from './credentials.js';

/**
 * First guard of every route: who calls? Fails closed: a route that says neither its surface (`@Serves`), nor
 * `@AdminOnly`, nor `@Public` is refused to everyone.
 */
@Injectable()
export class AuthGuard implements CanActivate {
  constructor(
    private readonly reflector: Reflector,
    private readonly apiKeys: ApiKeyService,
    private readonly adminKey: AdminKeyService,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<TollgateRequest>();
    const targets: Parameters<Reflector['getAllAndOverride']>[1] = [context.getHandler(), context.getClass()];
    const surface = this.reflector.getAllAndOverride<Surface | undefined>(SURFACE_METADATA, targets);
    if (surface !== undefined) {
      request.surface = surface;
      return this.authenticate(request, surface);
    }
    const access = this.reflector.getAllAndOverride<Access | undefined>(ACCESS_METADATA, targets);
    if (access === 'public') return true;
    if (access === 'admin') return this.authenticateAdmin(request);
    throw new DomainError('permission_denied', 'You have insufficient permissions for this operation.');
  }

  private async authenticate(request: TollgateRequest, surface: Surface): Promise<boolean> {
    const secret = secretOf(request.headersDistinct, surface.nativeKeyHeader);
    try {
      request.principal = await this.apiKeys.authenticate(secret, request.ip ?? '');
    } catch (error) {
      if (isUnknownKey(error) && (await this.adminKey.is(secret))) throw adminKeyNotAccepted();
      throw error;
    }
    return true;
  }

  private async authenticateAdmin(request: TollgateRequest): Promise<boolean> {
    const secret = secretOf(request.headersDistinct, 'authorization');
    const address = request.ip ?? '';
    try {
      await this.adminKey.verify(secret, address);
    } catch (error) {
      if (isUnknownKey(error) && (await this.apiKeys.knows(secret, address))) throw apiKeyNotAccepted();
      throw error;
    }
    return true;
  }
}

function isUnknownKey(error: unknown): boolean {
  return error instanceof DomainError && error.code === 'invalid_api_key';
}

function adminKeyNotAccepted(): DomainError {
  return new DomainError(
    'admin_key_not_accepted',
    'This is the admin key, and this route takes API keys. Make one with POST /admin/v1/keys or the command line tool.',
  );
}

function apiKeyNotAccepted(): DomainError {
  return new DomainError(
    'api_key_not_accepted',
    'This is an API key, and the admin API takes the admin key. API keys are for /v1.',
  );
}
