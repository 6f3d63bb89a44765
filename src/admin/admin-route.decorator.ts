import { applyDecorators, Controller } from '@nestjs/common';
import { ApiBearerAuth } from '@nestjs/swagger';
import { AdminOnly } from '../auth/access.decorator.js';
import { ADMIN_FAILURES, ApiFailures } from '../surfaces/api-failures.decorator.js';
import { QOLABA } from '../surfaces/surface.js';

/** A controller under `/admin/v1`, for the operator's key alone. Errors have OpenAI's shape and nothing beside it. */
export const AdminRoute = (path: string): ClassDecorator =>
  applyDecorators(
    AdminOnly(),
    ApiBearerAuth('AdminKey'),
    ApiFailures(QOLABA, ADMIN_FAILURES),
    Controller(`admin/v1/${path}`),
  ) as ClassDecorator;
