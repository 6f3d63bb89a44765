import { applyDecorators, Controller } from '@nestjs/common';
import { ApiExcludeController } from '@nestjs/swagger';
import { AdminOnly } from '../auth/access.decorator.js';

/**
 * A controller under `/admin/v1`, for the operator's key alone. Not part of the published document, which is for those
 * who call models: docs/admin-api.md describes it.
 */
export const AdminRoute = (path: string): ClassDecorator =>
  applyDecorators(AdminOnly(), ApiExcludeController(), Controller(`admin/v1/${path}`)) as ClassDecorator;
